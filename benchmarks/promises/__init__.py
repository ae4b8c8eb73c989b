"""What we promise, measured: the table of docs/performance.md, through sockets and PostgreSQL."""
