// An MCP server as it comes: it speaks on its standard input and output, and
// knows nothing of sockets. Behind a guard it is told who asks, in its environment.

import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';

const server = new McpServer({ name: 'whoami', version: '1.0.0' });
server.registerTool('whoami', { description: 'Tells who asks' }, () => {
  const { SOCKCRED_UID: uid, SOCKCRED_PID: pid } = process.env;
  return { content: [{ type: 'text', text: `uid ${uid ?? 'unknown'}, pid ${pid ?? 'unknown'}` }] };
});
await server.connect(new StdioServerTransport());
// The SDK does not end with its client.
process.stdin.on('end', () => process.exit());
