import { group, optionalTextOrTexts, text } from './fields.ts';

/** Keys about workers that others start. */
export const remoteSchema = group(
  'Workers that somebody runs elsewhere with `python -m snakepit_bridge --listen`.',
  {
    address: optionalTextOrTexts({
      meaning: 'Where the workers are; the pool has one for each address.',
      pattern: /^(?:\[[0-9a-f:.]+\]|[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?):[1-9]\d{0,4}$/iu,
      expected: 'an address such as "gpu1.example.com:7443"',
    }),
    tls: group('By what both sides are known; without it only loopback addresses are allowed.', {
      ca: text({
        meaning: "File (PEM) with the authorities that sign the workers' certificates.",
      }),
      cert: text({
        meaning: 'File (PEM) with our own certificate, for workers with `--tls-client-ca`.',
      }),
      key: text({ meaning: 'File (PEM) with its key.' }),
      serverName: text({
        meaning: "The name in the workers' certificates.",
        shownDefault: 'that of the address',
      }),
    }),
    token: text({
      meaning: 'The token that the workers were started with, of at least 16 characters.',
      secret: true,
    }),
    tokenFile: text({
      meaning: 'In place of it, the file that holds it.',
    }),
  },
);
