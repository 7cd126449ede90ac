/** OTP's words for ours, where they are written differently. */
const words: Readonly<Record<string, string>> = {
  oneForOne: 'one_for_one',
  oneForAll: 'one_for_all',
  restForOne: 'rest_for_one',
  brutalKill: 'brutal_kill',
  anySignificant: 'any_significant',
  allSignificant: 'all_significant',
};

/** OTP's word for ours. */
export function erlangWord(word: string): string {
  return words[word] ?? word;
}

/** Plain data as an Erlang term: strings become atoms, lists stay lists, objects become maps. */
export function erlangTerm(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (typeof value === 'string') return atom(erlangWord(value));
  if (Array.isArray(value)) return `[${value.map(erlangTerm).join(',')}]`;
  if (typeof value !== 'object' || value === null) {
    throw new TypeError(`no Erlang term for ${String(value)}`);
  }
  const pairs = Object.entries(value).map(([key, one]) => `${atom(key)}=>${erlangTerm(one)}`);
  return `#{${pairs.join(',')}}`;
}

function atom(text: string): string {
  return `'${text.replaceAll(/['\\]/g, '\\$&')}'`;
}
