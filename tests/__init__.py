"""The tests; `conftest.py` says what every test may use."""
