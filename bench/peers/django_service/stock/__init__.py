"""The six works as a Django REST framework service does them."""
