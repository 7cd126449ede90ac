import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, jest, test } from '@jest/globals';

jest.setTimeout(60_000);

const SCRIPT = fileURLToPath(new URL('../../priv/scripts/watchdog.bat', import.meta.url));
const text = readFileSync(SCRIPT, 'latin1');
const lines = text.split('\r\n');
/** Without remarks, which may say what they like. */
const code = lines.filter((line) => !/^\s*rem\b/iu.test(line));

describe('watchdog.bat', () => {
  test('[R7.4] [I4.7] ends its lines as cmd.exe needs it, and keeps to ASCII', () => {
    // With bare line feeds cmd.exe misses labels.
    expect(text.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/u);
    expect(text).toMatch(/^[\t\r\n -~]*$/u);
    expect(text.endsWith('\r\n')).toBe(true);
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThan(8_191);
  });

  test('[R7.4] [I4.7] every label that is called is there, once, and none is there for nothing', () => {
    const labels = code.flatMap((line) => /^:(\w+)\s*$/u.exec(line)?.[1] ?? []);
    const called = code.flatMap((line) =>
      Array.from(line.matchAll(/\b(?:call\s+:|goto\s+:?)(\w+)/gu), (match) => String(match[1])),
    );
    expect(labels).toHaveLength(new Set(labels).size);
    expect([...new Set(called)].sort()).toEqual([...labels].sort());
  });

  test('[R7.4] [I4.7] nothing runs into a label; brackets and quotes are closed', () => {
    for (const [index, line] of code.entries()) {
      if (!line.startsWith(':')) continue;
      const before = code.slice(0, index).findLast((one) => one.trim() !== '') ?? '';
      expect([line, before]).toEqual([line, expect.stringMatching(/^exit \/b/u)]);
    }
    let depth = 0;
    for (const line of code) {
      const quotes = line.split('"').length - 1;
      expect([line, quotes % 2]).toEqual([line, 0]);
      const bare = line.replace(/"[^"]*"/gu, '').replace(/\^./gu, '');
      for (const sign of bare) {
        if (sign === '(') depth += 1;
        if (sign === ')') depth -= 1;
        expect(depth).toBeGreaterThanOrEqual(0);
      }
    }
    expect(depth).toBe(0);
  });

  test('[R7.4] [I4.7] it does not poll before the runtime is gone, and verifies before it ends', () => {
    const loop = code.findIndex((line) => line.startsWith('for /f "tokens=1-4"'));
    expect(code[loop]).toContain('find.exe /v ""');
    expect(code.slice(0, loop).join('\n')).not.toMatch(/tasklist|ping|powershell|taskkill/iu);
    const end = code.slice(code.indexOf(':end_worker'));
    const check = end.findIndex((line) => line.includes('exit /b 0') && line.startsWith('if not'));
    expect(check).toBeGreaterThan(0);
    expect(check).toBeLessThan(end.findIndex((line) => line.includes('taskkill')));
  });
});

if (process.platform === 'win32') {
  /** Plays a runtime for the script; gives which of the victims live at the end. */
  const play = async (
    linesFor: (pid: number, start: string) => readonly string[],
  ): Promise<{ readonly code: unknown; readonly said: string; readonly lives: boolean }> => {
    const victim = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
    const watchdog = spawn('cmd.exe', ['/d', '/c', SCRIPT], {
      env: { ...process.env, SNAKEPIT_WATCHDOG_GRACE: '1' },
    });
    try {
      const query = `(Get-Process -Id ${String(victim.pid)}).StartTime.ToFileTimeUtc()`;
      const asked = spawn('powershell.exe', ['-NoProfile', '-Command', query]);
      let start = '';
      asked.stdout.on('data', (chunk: Buffer) => (start += chunk.toString()));
      await once(asked, 'close');
      let said = '';
      watchdog.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
      const exited = once(watchdog, 'exit');
      watchdog.stdin.end(
        linesFor(victim.pid ?? 0, start.trim())
          .map((line) => `${line}\n`)
          .join(''),
      );
      const [exitCode] = (await exited) as unknown[];
      // Told to end by force, it is gone within this turn or never.
      if (victim.exitCode === null && victim.signalCode === null) {
        await Promise.race([once(victim, 'exit'), new Promise((done) => setTimeout(done, 2_000))]);
      }
      const lives = victim.exitCode === null && victim.signalCode === null;
      return { code: exitCode, said, lives };
    } finally {
      victim.kill();
      watchdog.kill();
    }
  };

  describe('on Windows', () => {
    test('[R4.1] [R4.3] [R7.4] the end of its stdin is the end of the workers', async () => {
      const seen = await play((pid, start) => ['garbage', `+ ${String(pid)} ${start}`]);
      expect(seen).toEqual({ code: 0, said: expect.stringContaining('ready'), lives: false });
    });

    test.each([
      ['told bye', (pid: number, start: string) => [`+ ${String(pid)} ${start}`, 'bye']],
      [
        'told that it is gone',
        (pid: number, start: string) => [`+ ${String(pid)} ${start}`, `- ${String(pid)}`],
      ],
      ['where the number is that of another', (pid: number) => [`+ ${String(pid)} 1`]],
    ])('[R7.4] %s it ends nobody', async (_name, linesFor) => {
      expect(await play(linesFor)).toMatchObject({ code: 0, lives: true });
    });
  });
}
