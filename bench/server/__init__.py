"""The MCP server beside servers whose one tool does nothing: what `make bench-server` runs."""
