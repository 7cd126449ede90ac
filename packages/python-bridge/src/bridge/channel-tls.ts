import grpc from '@grpc/grpc-js';
import type { TlsMaterial } from '../hosts/worker-host.ts';

/** Certificates are checked whatever the environment of Node says (NODE_TLS_REJECT_UNAUTHORIZED). */
const strictly = { rejectUnauthorized: true } as const;

/**
 * The credentials of a channel to a worker.
 *
 * @param tls - By what TLS knows both sides; `undefined` on this machine.
 * @throws Error in OpenSSL's words for what is no certificate or no key, or does not belong together.
 */
export function credentialsOf(tls: TlsMaterial | undefined): grpc.ChannelCredentials {
  if (tls === undefined) return grpc.credentials.createInsecure();
  const { ca, key = null, cert = null } = tls;
  return grpc.credentials.createSsl(ca, key, cert, strictly);
}

/** Options of a channel to a worker whose certificate has another name than its address. */
export function targetNameOf(tls: TlsMaterial | undefined): grpc.ChannelOptions {
  const name = tls?.serverName;
  return name === undefined ? {} : { 'grpc.ssl_target_name_override': name };
}
