"""What `manage.py notifications_doctor` looks at, one module for each part of a site; `examination.py` goes through them."""
