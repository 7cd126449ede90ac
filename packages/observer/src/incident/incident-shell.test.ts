import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { incidentPage } from './incident-page.ts';
import { incidentShell } from './incident-shell.ts';

test('[I6.6] the page is put into a file under a policy that names its script; unbuilt there is a table only', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'shell-'));
  try {
    expect(await incidentShell(join(folder, 'no such'))).toBeUndefined();
    expect(await incidentShell(folder)).toBeUndefined();
    await writeFile(join(folder, 'app-1.js'), 'show()');
    await writeFile(join(folder, 'app-1.css'), 'p{}');
    const shell = await incidentShell(folder);
    expect(shell).toEqual({ script: 'show()', style: 'p{}' });
    const content = { title: 'x', wall: 0, lines: [], charts: {} };
    const page = await incidentPage(content, shell);
    expect(page).toContain("default-src 'none'");
    expect(page).toContain("script-src 'sha256-");
    expect(page).toContain('<script type="module">show()</script>');
    expect(await incidentPage(content)).not.toContain('script-src');
  } finally {
    await rm(folder, { recursive: true });
  }
});
