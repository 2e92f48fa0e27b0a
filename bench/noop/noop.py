"""An MCP server on the Python SDK whose one tool does nothing."""

from mcp.server import MCPServer

server = MCPServer("noop")


@server.tool()
def noop() -> str:
    """Do nothing."""
    return "ok"


server.run("stdio")
