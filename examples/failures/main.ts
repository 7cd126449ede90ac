import { isSnakepitError, Snakepit } from 'snakepit';

await using snakepit = await Snakepit.start({
  pools: [{ name: 'default', size: 1, adapter: 'failing_adapter.FailingAdapter' }],
});

/** Makes a call that fails, and shows what the caller gets. */
async function show(call: Promise<unknown>): Promise<void> {
  try {
    await call;
  } catch (error) {
    if (!isSnakepitError(error)) throw error;
    console.log(error.code);
    console.log(`  ${error.message.split('\n')[0] ?? ''}`);
  }
}

// A Python exception keeps its class, message and traceback.
await show(snakepit.execute('divide', { a: 1, b: 0 }));

// What is wrong with a call is said before Python is asked, or by Python's own signature.
await show(snakepit.execute('divide', { a: 1 }));
await show(snakepit.execute('divid', { a: 1, b: 2 }));
await show(snakepit.execute('divide', { a: 'one', b: 2 }));

// A call has a time limit, and can be given up.
await show(snakepit.execute('wait', { seconds: 60 }, { timeout: 100 }));
await show(snakepit.execute('wait', { seconds: 60 }, { signal: AbortSignal.timeout(100) }));

// With a code its details have their type, so that one can decide by Python's class.
async function quotient(a: number, b: number): Promise<unknown> {
  try {
    return await snakepit.execute('divide', { a, b });
  } catch (error) {
    const isByZero =
      isSnakepitError(error, 'PYTHON_EXCEPTION') && error.details.type === 'ZeroDivisionError';
    if (isByZero) return 'no number';
    throw error;
  }
}
console.log(`  1 / 0 is ${String(await quotient(1, 0))}`);
