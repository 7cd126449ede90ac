/** What is hidden is shown as this. */
const hidden = '[redacted]';

/** `password=…`, `"api_key": "…"`, `Authorization: Bearer …`, and a name and password in an address. */
const secrets =
  /((?:pass(?:word|wd|phrase)?|secret|token|api_?key|credentials?|auth(?:orization)?|cookie)["']?\s*[:=]\s*)(?:(?:bearer|basic)\s+)?("[^"]*"|'[^']*'|[^\s,;)}\]]+)/giu;
const userInfo = /(\b[a-z][a-z0-9+.-]{0,30}:\/\/)[^\s/@]+@/giu;

/** A text of somebody else, without what looks like a secret in it, and not longer than this many characters. */
export function redactText(text: string, maxLength: number): string {
  // First shorter, so that what is searched is not long; and then a secret at the end is hidden, too.
  const short = text.length > maxLength ? `${text.slice(0, maxLength)}…` : text;
  return short.replace(secrets, `$1${hidden}`).replace(userInfo, `$1${hidden}@`);
}
