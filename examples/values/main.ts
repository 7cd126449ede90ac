import { asPython, NdArray, Snakepit } from 'snakepit';

await using snakepit = await Snakepit.start({
  pools: [{ name: 'default', size: 1, adapter: 'values_adapter.ValuesAdapter' }],
});

// Typed arrays are arrays of numpy, and come back as typed arrays.
const numbers = new Float64Array([1, 2, 3]);
const scaled = await snakepit.execute<Float64Array>('scale', { numbers, factor: 2 });
console.log('scaled:', scaled);

// Of more dimensions, or of a type that JavaScript lacks: an NdArray, both ways.
const matrix = await snakepit.execute<NdArray>('identity', { size: 2 });
console.log('matrix:', matrix.dtype, matrix.shape, matrix.data);
const bytes = new NdArray({ dtype: 'uint8', shape: [2], data: new Uint8Array([1, 2]) });
console.log('kind:', await snakepit.execute('kind', { value: bytes }));

// Objects of Python are plain objects; a large int is a BigInt, a set a Set.
console.log('summary:', await snakepit.execute('summarize', { numbers }));

// A Date is an aware datetime.
const at = new Date('2026-02-28T12:00:00Z');
console.log('next day:', await snakepit.execute<Date>('next_day', { at }));

// What JavaScript has no type for arrives as text or number, and is sent by name.
const price = asPython('decimal', '12.30');
console.log('price:', await snakepit.execute('double', { price }));
console.log('kinds:', await snakepit.execute('kind', { value: 5 }));
console.log('kinds:', await snakepit.execute('kind', { value: asPython('float', 5) }));
