import { isSnakepitError, Snakepit } from 'snakepit';

await using snakepit = await Snakepit.start({
  pools: [{ name: 'default', size: 1, adapter: 'counting_adapter.Counting' }],
});

for await (const { number } of snakepit.stream<{ number: number }>('count', { to: 3 })) {
  console.log(number);
}

// Leaving the loop ends the tool in Python.
for await (const tick of snakepit.stream<number>('tick', { seconds: 0.01 })) {
  if (tick === 2) break;
}
console.log(snakepit.stats().cancelled);

// What was yielded before an error is read before it.
try {
  for await (const step of snakepit.stream('stumble')) console.log(step);
} catch (error) {
  if (isSnakepitError(error, 'PYTHON_EXCEPTION')) console.log(error.details.message);
}
