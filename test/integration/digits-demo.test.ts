import { describe, expect, test } from '@jest/globals';
import { runProgram } from '../fixtures/run-program.ts';

const DEMO = 'examples/digits/main.mjs';
/** A worker imports scikit-learn, on machines with one core too. */
const LIMIT_MS = 180_000;
const CURSOR = '\u001b[1;1H';
const ENDS_COLOUR = '\u001b[0m';
/** Runs a command in a terminal of 100 columns and 40 rows, and ends as it does. */
const IN_TERMINAL = `import fcntl, os, pty, struct, sys, termios
pid, fd = pty.fork()
if pid == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
    os.execvp(sys.argv[1], sys.argv[1:])
while True:
    try:
        data = os.read(fd, 65536)
    except OSError:
        break
    if not data:
        break
    os.write(1, data)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))`;

describe('the digits demo', () => {
  test(
    '[I2.8] loses a worker, loses no result, leaves no process, and says so in JSON',
    async () => {
      const { code, stdout, stderr, left } = await runProgram([DEMO, '--json']);
      expect(stderr).toBe('');
      const lines = stdout.trimEnd().split('\n');
      expect(lines).toHaveLength(1);
      const result = JSON.parse(lines[0] ?? '') as { readonly restarts: number };
      expect(result).toEqual({
        calls: 93,
        failed: 0,
        results: 1797,
        accuracy: expect.closeTo(0.968, 2),
        workers: 4,
        restarts: expect.any(Number),
        survivors: 0,
        elapsedMs: expect.any(Number),
      });
      expect(result.restarts).toBeGreaterThanOrEqual(1);
      expect(code).toBe(0);
      expect(left).toEqual([]);
    },
    LIMIT_MS,
  );

  test(
    '[I2.8] writes plain lines where there is no terminal: tree, kill, comeback, confusion matrix',
    async () => {
      const { code, stdout, left } = await runProgram([DEMO, '--workers', '2', '--batch', '50']);
      expect(stdout).not.toContain('\u001b');
      expect(stdout).toMatch(/^ {2}snakepit +running\.idle +<\d+>$/m);
      expect(stdout).toMatch(/└─ worker digits_worker_1 +ready\.\w+ +pid \d+$/m);
      expect(stdout).toMatch(/└─ heartbeatMonitor +watching\.beats\.\w+ \+ serving\.\w+ +<\d+>$/m);
      expect(stdout).toMatch(/^ {2} 50 % {2}\d+ of 36 calls answered$/m);
      expect(stdout).toMatch(
        /^SIGKILL to digits_worker_\d \(pid \d+\) while it executes a batch$/m,
      );
      expect(stdout).toMatch(/^digits_worker_\d serves again as pid \d+, \d+ ms after the kill$/m);
      expect(confusionIn(stdout)).toBe(1797);
      expect(stdout).toContain('1797 of 1797 images scored, 96.8 % recognised.');
      expect(stdout).toMatch(
        /^No process is left of the 3 that were workers \(\d+, \d+, \d+\)\.$/m,
      );
      expect(code).toBe(0);
      expect(left).toEqual([]);
    },
    LIMIT_MS,
  );

  test.each([
    ['while workers start', /^starting/m, '200'],
    ['while models are trained', /^training/m, '200'],
    ['in the middle of the scoring', /^ {3}20 %/m, '200'],
    // So there are seconds left to be interrupted in.
    ['after the kill', /^SIGKILL/m, '400'],
  ])(
    '[I2.8] Ctrl-C %s: code 130, nothing left',
    async (_, interruptAt, pace) => {
      const { code, stdout, stderr, left } = await runProgram([DEMO, '--pace', pace], {
        interruptAt,
      });
      expect(stderr).toBe('');
      expect(stdout).toContain('SIGINT: stopping');
      expect(stdout).toContain('stopped; processes left: none');
      expect(stdout).not.toContain('images scored,');
      expect(code).toBe(130);
      expect(left).toEqual([]);
    },
    LIMIT_MS,
  );

  test(
    '[I2.8] draws the tree in place on a terminal, and gives the terminal back',
    async () => {
      const command = ['python3', '-c', IN_TERMINAL, process.execPath];
      const env = { TERM: 'xterm', NO_COLOR: '' };
      const drawn = await runProgram([DEMO, '--pace', '30'], { command, env });
      expect(drawn.stdout).toContain(CURSOR);
      expect(drawn.stdout).toContain(ENDS_COLOUR);
      expect(drawn.stdout).toContain('worker digits_worker_4');
      expect(drawn.stdout).toContain('█ 100 %  90 of 90 calls');
      // The cursor, then the screen that was there before.
      expect(drawn.stdout).toContain('\u001b[?25h\u001b[?1049l');
      expect(drawn.stdout).toContain('1797 of 1797 images scored');
      expect(drawn.code).toBe(0);

      const plain = await runProgram([DEMO, '--pace', '0'], {
        command,
        env: { ...env, NO_COLOR: '1' },
      });
      expect(plain.stdout).toContain(CURSOR);
      expect(plain.stdout).not.toContain(ENDS_COLOUR);
    },
    LIMIT_MS,
  );

  test.each([
    [['--wrokers', '3'], "Unknown option '--wrokers'"],
    [['--workers', '0'], '--workers is "0"; it must be a whole number from 1 to 32.'],
    [['--pace', 'slow'], '--pace is "slow"; it must be a whole number from 0 to 10000.'],
    [['fast'], "Unexpected argument 'fast'"],
  ])('[I2.8] %j is refused with what is allowed', async (args, message) => {
    const { code, stdout, stderr } = await runProgram([DEMO, ...args]);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(message);
    expect(stderr).toContain('Usage: npm run demo -- [options]');
  });

  test('[I2.8] --help goes to standard output', async () => {
    const { code, stdout, stderr } = await runProgram([DEMO, '--help']);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toContain('--json');
  });
});

/** Sum of the confusion matrix in a report. */
function confusionIn(report: string): number {
  const rows = report.match(/^ {2}\d {1}(?: +[\d·]+){10}$/gm) ?? [];
  expect(rows).toHaveLength(10);
  return rows
    .flatMap((row) => row.trim().split(/ +/).slice(1))
    .reduce((sum, cell) => sum + (cell === '·' ? 0 : Number(cell)), 0);
}
