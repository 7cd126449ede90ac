import { isPlainObject } from '../plain-object.ts';

/** Makes a message unchangeable. @internal */
export type Freeze = (message: unknown) => void;

/**
 * Makes the function that freezes messages as they are sent: lists and plain objects, and those inside them.
 *
 * What a class made is left alone, as are functions and what getters give: a handle may have to change.
 *
 * @param spared - Never frozen, though it looks like plain data. References carry it.
 */
export function createFreeze(spared: object): Freeze {
  // Frozen before does not mean to the bottom: Object.freeze is shallow. So we keep our own account.
  const done = new WeakSet<object>([spared]);
  const freezeOne = (value: unknown, pending: object[]): void => {
    if (typeof value !== 'object' || value === null || done.has(value)) return;
    if (!Array.isArray(value) && !isPlainObject(value)) return;
    done.add(value);
    pending.push(Object.freeze(value));
  };
  return (message) => {
    const pending: object[] = [];
    freezeOne(message, pending);
    for (let value = pending.pop(); value !== undefined; value = pending.pop()) {
      for (const name of Reflect.ownKeys(value)) {
        // A getter has no value here, and is not called.
        freezeOne(Object.getOwnPropertyDescriptor(value, name)?.value, pending);
      }
    }
  };
}
