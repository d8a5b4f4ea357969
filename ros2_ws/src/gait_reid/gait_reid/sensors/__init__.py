"""Sources of sensor frames: devices, network streams and recordings behind one protocol."""
