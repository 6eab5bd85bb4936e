"""The MQTT side of a proxy: one session with the real printer for each slicer, and what may pass."""
