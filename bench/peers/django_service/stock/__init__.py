"""The workloads as a Django REST framework service."""
