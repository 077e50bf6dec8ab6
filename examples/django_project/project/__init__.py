"""The smallest Django project that keeps progress. See README.md."""
