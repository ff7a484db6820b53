"""A lock for imports that two threads must not start at once."""

import threading

PYAV_IMPORT = threading.Lock()
"""Held while modules that need PyAV are imported.

PyAV's modules import each other in circles. If a camera and a microphone start at the same moment
and both import them, Python takes the two for a deadlock and one import fails.
"""
