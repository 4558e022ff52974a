// Writes l10n/bundle.l10n.json, the texts of the code for translators.
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const root = path.join(import.meta.dirname, '..');
const files = readdirSync(path.join(root, 'src'), { recursive: true, encoding: 'utf8' }).filter(f => f.endsWith('.ts')).sort();
const texts = files.flatMap(f => [...readFileSync(path.join(root, 'src', f), 'utf8').matchAll(/l10n\.t\('((?:[^'\\]|\\.)*)'/g)].map(m => m[1].replaceAll('\\\\', '\\')));
writeFileSync(path.join(root, 'l10n/bundle.l10n.json'), JSON.stringify(Object.fromEntries(texts.map(t => [t, t])), null, 2) + '\n');
