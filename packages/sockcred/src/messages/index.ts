/**
 * sockcred/messages: credentials, labels and descriptors that travel with
 * messages, sockets that receive them, and the ways to send them.
 */

export type { ClaimedIds } from '../sys/message-socket.ts';
export { ReceivedFd } from '../sys/owned-fd.ts';
export type { AcceptOptions, Arrival, ArrivalOptions } from './arrival.ts';
export {
  credentialListener,
  type FirstMessageOptions,
  firstMessageCredentials,
} from './first-message.ts';
export type { MessageCredentials, SenderEvidence, SenderField } from './message-credentials.ts';
export type { ServerEvents } from './message-server.ts';
export type { PacketSending } from './packet-queue.ts';
export type { PacketEvents, PacketInfo, PacketOptions } from './packet-socket.ts';
export { type SendTarget, sendCredentials, sendFds } from './send-beside.ts';
export { disagreesWith, isSentBy } from './sender-questions.ts';
export type { Along } from './stream-sending.ts';
export { type DatagramBindOptions, UnixDatagramSocket } from './unix-datagram-socket.ts';
export {
  UnixSeqpacketServer,
  type UnixSeqpacketServerOptions,
  UnixSeqpacketSocket,
} from './unix-seqpacket.ts';
export { type StreamMessage, UnixStream, type UnixStreamOptions } from './unix-stream.ts';
export { UnixStreamServer, type UnixStreamServerOptions } from './unix-stream-server.ts';
