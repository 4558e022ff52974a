import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

const root = process.env['EXTENSION'] ?? '.';
const read = (file: string): string => readFileSync(path.join(root, file), 'utf8');
const manifest = JSON.parse(read('package.json')) as {
  contributes: {
    commands: { command: string; enablement?: string }[]; menus: Record<string, { command: string }[]>; keybindings: { command: string }[];
    configuration: { properties: Record<string, { scope?: string; enum?: string[]; markdownEnumDescriptions?: string[] }> }[];
    walkthroughs: { steps: { media: { markdown: string } }[] }[];
  };
  capabilities: { untrustedWorkspaces: { restrictedConfigurations: string[] } };
};
const sources = readdirSync(path.join(root, 'src'), { recursive: true, encoding: 'utf8' }).filter(f => f.endsWith('.ts')).map(f => read(path.join('src', f))).join('\n');
const properties = Object.assign({}, ...manifest.contributes.configuration.map(c => c.properties)) as Record<string, { scope?: string; enum?: string[]; markdownEnumDescriptions?: string[] }>;

test('every text of the manifest is there, and none too many', () => {
  const nls = JSON.parse(read('package.nls.json')) as Record<string, string>;
  const used = new Set([...read('package.json').matchAll(/"%([^%"]+)%"/g)].map(m => m[1] ?? ''));
  assert.deepEqual([...used].sort(), Object.keys(nls).sort());
});

test('every text of the code is in the bundle for translators', () => {
  const bundle = JSON.parse(read('l10n/bundle.l10n.json')) as Record<string, string>;
  const used = new Set([...sources.matchAll(/l10n\.t\('((?:[^'\\]|\\.)*)'/g)].map(m => (m[1] ?? '').replaceAll('\\\\', '\\')));
  assert.ok(used.size > 50);
  assert.deepEqual([...used].sort(), Object.keys(bundle).sort());
});

test('every command of menus, keys and texts is declared and registered', () => {
  const declared = new Set(manifest.contributes.commands.map(c => c.command));
  const inMenus = Object.values(manifest.contributes.menus).flat().map(m => m.command);
  const inTexts = [...read('package.nls.json').matchAll(/command:(headjack\.\w+)\)/g)].map(m => m[1] ?? '');
  for (const c of [...inMenus, ...inTexts, ...manifest.contributes.keybindings.map(k => k.command)]) assert.ok(declared.has(c), c);
  for (const c of declared) assert.ok(sources.includes(`'${c}': `), `${c} is not registered`);
});

test('in a folder that is not trusted the same commands are refused as are disabled', () => {
  const harmless = new Set([.../HARMLESS = new Set\(\[(.*?)\]/.exec(sources)?.[1]?.matchAll(/'(\w+)'/g) ?? []].map(m => `headjack.${m[1]}`));
  for (const c of manifest.contributes.commands) assert.equal(harmless.has(c.command), c.enablement === undefined, c.command);
});

test('every key of the configuration is a setting, and those that reach the host are the machine’s own', () => {
  const keys = [...readFileSync(path.join(root, '../../docs/configuration.md'), 'utf8').matchAll(/^\| `([\w.]+)` \|/gm)].map(m => m[1] ?? '').filter(k => !k.includes('NAME'));
  assert.ok(keys.length > 15);
  for (const k of keys) assert.ok(properties[`headjack.${k}`], `headjack.${k}`);
  for (const k of ['server.path', 'engine.host', 'build.secrets', 'build.ssh', 'network', 'security.noNewPrivileges', 'security.capabilities', 'git.ssh', 'git.token', 'worktrees', 'certificates', 'notify']) {
    assert.equal(properties[`headjack.${k}`]?.scope, 'machine', k);
    assert.ok(manifest.capabilities.untrustedWorkspaces.restrictedConfigurations.includes(`headjack.${k}`), k);
  }
  for (const [k, p] of Object.entries(properties)) {
    assert.ok(p.scope, k);
    if (p.enum && k !== 'headjack.trace.server') assert.equal(p.markdownEnumDescriptions?.length, p.enum.length, k);
  }
});

test('an agent in the settings has the keys that the documentation has', () => {
  const documented = [...readFileSync(path.join(root, '../../docs/configuration.md'), 'utf8').matchAll(/^\| `agents\.NAME\.(\w+)` \|/gm)].map(m => m[1] ?? '');
  const agent = (properties['headjack.agents'] as { additionalProperties?: { properties?: object } } | undefined)?.additionalProperties?.properties ?? {};
  assert.ok(documented.length > 3);
  assert.deepEqual(Object.keys(agent).sort(), documented.sort());
});

test('the walkthrough has its pages', () => {
  for (const s of manifest.contributes.walkthroughs.flatMap(w => w.steps)) assert.ok(existsSync(path.join(root, s.media.markdown)), s.media.markdown);
});
