"""The files of deploy/: what can be checked of them without building anything, and (live.py) the images as they run."""
