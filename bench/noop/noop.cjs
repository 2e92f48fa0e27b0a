// An MCP server on the Node SDK whose one tool does nothing. CommonJS, because only that is found by NODE_PATH.

const { McpServer } = require("@modelcontextprotocol/sdk/server/mcp.js");
const { StdioServerTransport } = require("@modelcontextprotocol/sdk/server/stdio.js");

const server = new McpServer({ name: "noop", version: "1" });
server.registerTool("noop", { description: "Does nothing." }, () => ({ content: [{ type: "text", text: "ok" }] }));
server.connect(new StdioServerTransport());
