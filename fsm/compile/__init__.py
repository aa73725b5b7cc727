"""The Definition: read from the charts, checked, and compiled into what runs."""
