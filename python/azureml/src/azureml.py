"""Azure ML's name for Muster's modules: ``azureml.core.run`` is the module ``muster.core.run``.

A module, not a package: Microsoft's distributions own the folder ``azureml``, and no file of theirs
and ours may be the same.
"""

import _muster_azureml

_muster_azureml.provide()
