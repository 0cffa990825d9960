"""What the in-job client is made of."""
