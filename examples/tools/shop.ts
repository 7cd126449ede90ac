// Written by `npx snakepit gen types --adapter shop_adapter.Shop --out shop.ts`; do not edit.
import { bindTools } from 'snakepit';
import type {
  BindToolsOptions,
  CallOptions,
  CallStreamOptions,
  Snakepit,
  ToolStream,
} from 'snakepit';

export interface Line {
  item: string;
  cents: number;
}

/** The tools of `shop_adapter.Shop`. */
export interface Shop {
  /** Writes a bill, line by line. */
  readonly bill: (
    args: {
      readonly items: readonly string[];
    },
    options?: CallStreamOptions,
  ) => ToolStream<Line>;

  readonly explain: (
    args: {
      readonly item: string;
    },
    options?: CallOptions,
  ) => Promise<string>;

  /** Says what something costs, in cents. */
  readonly price: (
    args: {
      /** what it is. */
      readonly item: string;
      /** how many of it. Default: `1`. */
      readonly count?: number | bigint | undefined;
    },
    options?: CallOptions,
  ) => Promise<number>;
}

const manifest = {
  adapter: 'shop_adapter.Shop',
  command: 'npx snakepit gen types --adapter shop_adapter.Shop --out shop.ts',
  tools: {
    bill: {
      signature: '9413f6ba294c',
      stream: true,
    },
    explain: {
      signature: 'ad511269269d',
      stream: false,
    },
    price: {
      signature: '264e496a5420',
      stream: false,
    },
  },
} as const;

/**
 * Binds the tools to a running Snakepit.
 *
 * @throws SnakepitError STALE_TYPES, when its workers have other tools than these types say.
 */
export function createClient(snakepit: Snakepit, options?: BindToolsOptions): Promise<Shop> {
  return bindTools<Shop>(snakepit, manifest, options);
}
