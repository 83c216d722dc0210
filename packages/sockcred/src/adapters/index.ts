/** `sockcred/adapters`: the admitted peer, where each framework would have it. Re-exports only. */

export { expressPeer, type RequestWithPeer } from './express.ts';
export { type FastifyLike, fastifyPeer } from './fastify.ts';
export { grpcPeer } from './grpc.ts';
export { type HonoLike, honoPeer } from './hono.ts';
export { type KoaLike, koaPeer } from './koa.ts';
export { type McpAuthInfo, mcpAuth, mcpAuthInfo } from './mcp.ts';
