// A process of one contestant: does the works that it is sent, one at a time; ends with its parent.
const loaded = import(process.argv[2]);

process.on('message', async ({ work, size, option }) => {
  try {
    const { works } = await loaded;
    process.send({ figures: await works[work](size, option) });
  } catch (error) {
    process.send({ error: error.stack });
  }
});
process.on('disconnect', () => process.exit());
