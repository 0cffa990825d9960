"""From a source directory to the one object that the server keeps of it."""
