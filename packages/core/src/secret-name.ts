const secret = /pass|secret|token|key|auth|cookie|credential/i;

/** Whether what has this name is not to be shown: a password, a token, a key. @internal */
export function isSecretName(name: string): boolean {
  return secret.test(name);
}
