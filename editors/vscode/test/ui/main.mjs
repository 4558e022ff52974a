// Journeys of a user through the extension: node test/ui/main.mjs VERSION NODE CODE_SERVER VSIX [JOURNEY…]
import fs from 'node:fs';
import path from 'node:path';
import { actions } from './actions.mjs';
import { agent } from './agent.mjs';
import { builds } from './builds.mjs';
import { faults } from './faults.mjs';
import { focus } from './focus.mjs';
import { roots } from './roots.mjs';
import { trust } from './trust.mjs';
import { work } from './work.mjs';
import { host } from './host.mjs';

const [version, node, codeServer, vsix, ...only] = process.argv.slice(2);
const results = path.join(import.meta.dirname, '../../test-results', version);
fs.rmSync(results, { recursive: true, force: true });
const all = { host, agent, focus, builds, actions, work, roots, trust, faults };
let failed = false;
for (const name of only.length > 0 ? only : Object.keys(all)) {
  try {
    await all[name]({ version, node, codeServer, vsix, shots: path.join(results, name) });
  } catch (e) {
    failed = true;
    if (!e.message.endsWith(' failed')) console.log(`not ok 999 - ${name}\n# ${e.stack.replaceAll('\n', '\n# ')}`);
  }
}
process.exit(failed ? 1 : 0);
