// Runs inside the extension host, with the whole API, against the real server and engine.
const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const vscode = require('vscode');

const root = () => vscode.workspace.workspaceFolders[0].uri.fsPath;
const dockerfile = () => vscode.Uri.file(path.join(root(), 'Dockerfile'));

async function until(what, f, ms = 60_000) {
  for (const end = Date.now() + ms; ; await new Promise(r => setTimeout(r, 100))) {
    const got = await f();
    if (got) return got;
    if (Date.now() > end) throw new Error(`${what} did not come`);
  }
}

const server = (command, args = {}) => vscode.commands.executeCommand(command, args);
const lenses = async () => (await vscode.commands.executeCommand('vscode.executeCodeLensProvider', dockerfile()) ?? []).map(l => l.command.title);
const diagnostics = () => vscode.languages.getDiagnostics(dockerfile()).filter(d => d.source === 'headjack');

async function save(text) {
  const document = await vscode.workspace.openTextDocument(dockerfile());
  const edit = new vscode.WorkspaceEdit();
  edit.replace(dockerfile(), new vscode.Range(0, 0, document.lineCount, 0), text);
  assert.ok(await vscode.workspace.applyEdit(edit));
  assert.ok(await document.save());
}

/** Each class of features can be switched off and on, at once. */
async function classes(failing) {
  const all = new vscode.Range(0, 0, 10, 0);
  const ask = (command, ...args) => vscode.commands.executeCommand(command, dockerfile(), ...args);
  const counts = {
    codeLens: async () => (await lenses()).filter(t => t === 'Build').length,
    inlayHints: async () => (await ask('vscode.executeInlayHintProvider', all)).length,
    hover: async () => (await ask('vscode.executeHoverProvider', new vscode.Position(1, 2))).filter(h => /build/i.test(h.contents.map(c => c.value).join())).length,
    codeActions: async () => (await ask('vscode.executeCodeActionProvider', failing)).filter(a => /build/i.test(a.title)).length,
    diagnostics: async () => diagnostics().length,
  };
  for (const [name, count] of Object.entries(counts)) {
    const config = vscode.workspace.getConfiguration('headjack');
    await until(`${name} before`, async () => await count() > 0);
    await config.update(`${name}.enabled`, false, vscode.ConfigurationTarget.Workspace);
    await until(`no ${name}`, async () => await count() === 0);
    for (const other of Object.keys(counts).filter(o => o !== name && !(name === 'diagnostics' && o === 'codeActions'))) assert.ok(await counts[other]() > 0, `${other} without ${name}`);
    await config.update(`${name}.enabled`, undefined, vscode.ConfigurationTarget.Workspace);
    await until(`${name} again`, async () => await count() > 0);
  }
}

const tests = {
  'the extension is active, and contributes no language': async () => {
    const e = vscode.extensions.getExtension('gilmanlab.headjack');
    await e.activate();
    assert.equal(e.packageJSON.contributes.languages, undefined);
    assert.equal(e.packageJSON.contributes.grammars, undefined);
  },
  'every command is there, under an id of its own': async () => {
    const all = await vscode.commands.getCommands(true);
    const own = vscode.extensions.getExtension('gilmanlab.headjack').packageJSON.contributes.commands.map(c => c.command);
    for (const c of own) assert.ok(all.includes(c), c);
    assert.ok(own.every(c => c.startsWith('headjack.')));
  },
  'the server answers, and lenses come': async () => {
    await vscode.window.showTextDocument(await vscode.workspace.openTextDocument(dockerfile()));
    await until('lenses', async () => (await lenses()).includes('Build'));
  },
  'a build has hints and a hover': async () => {
    await until('the command', async () => (await vscode.commands.getCommands(true)).includes('hjk-ls.build'));
    const built = await server('hjk-ls.build', { workspace: root() });
    assert.match(built.image, /^sha256:/);
    const all = new vscode.Range(0, 0, 10, 0);
    await until('hints', async () => (await vscode.commands.executeCommand('vscode.executeInlayHintProvider', dockerfile(), all)).length >= 2);
    const [hover] = await until('a hover', async () => {
      const h = await vscode.commands.executeCommand('vscode.executeHoverProvider', dockerfile(), new vscode.Position(1, 2));
      return h.length > 0 && h;
    });
    assert.match(hover.contents.map(c => c.value).join(), /Last build/);
  },
  'a failing step has a diagnostic with quick fixes, which go when it is mended': async () => {
    const good = fs.readFileSync(dockerfile().fsPath, 'utf8');
    await save(good + 'RUN exit 9\n');
    await until('the diagnostic', () => diagnostics().length === 1);
    const [d] = diagnostics();
    assert.equal(d.range.start.line, good.split('\n').length - 1);
    assert.match(d.message, /exit code: 9/);
    const actions = await vscode.commands.executeCommand('vscode.executeCodeActionProvider', dockerfile(), d.range);
    assert.deepEqual(actions.map(a => a.title).filter(t => /build/i.test(t)), ["Show the build's log", 'Build again', 'Build again without cache']);
    await classes(d.range);
    await save(good);
    await until('its end', () => diagnostics().length === 0);
  },
  'only settings that are set reach the server': async () => {
    const config = vscode.workspace.getConfiguration('headjack');
    const value = async key => (await server('hjk-ls.config', { workspace: root() })).values.find(v => v.key === key);
    assert.equal((await value('agent')).source, 'repository');
    await config.update('agent', 'shell', vscode.ConfigurationTarget.Workspace);
    await until('the setting', async () => (await value('agent')).source === 'folder'); // its file lies in the worktree
    assert.equal((await value('agent')).value, 'shell');
    assert.equal((await value('recreate')).source, 'default', 'a default of the editor');
    await config.update('agent', undefined, vscode.ConfigurationTarget.Workspace);
    await until('its removal', async () => (await value('agent')).source === 'repository');
  },
  'an agent runs in a terminal, which detaches when it is closed': async () => {
    const list = async () => (await server('hjk-ls.list', {})).instances.find(i => i.branch === 'hosted');
    await server('hjk-ls.run', { workspace: root(), branch: 'hosted', attach: true });
    const terminal = await until('the terminal', () => vscode.window.terminals.find(t => t.name.startsWith('hosted')));
    await until('attached', async () => (await list()).sessions[0].attached);
    terminal.dispose();
    await until('detached', async () => !(await list()).sessions[0].attached);
    assert.equal((await list()).sessions[0].state, 'running');
    assert.match((await server('hjk-ls.logs', { branch: 'hosted' })).text, /READY/);
  },
  'a worktree opened as a folder is of the same repository, and can go again': async () => {
    const { worktree } = (await server('hjk-ls.list', {})).instances.find(i => i.branch === 'hosted');
    assert.equal((await server('hjk-ls.choices', { workspace: worktree })).repo, root());
    await server('hjk-ls.remove', { workspace: root(), branch: 'hosted', force: true });
    assert.deepEqual((await server('hjk-ls.list', {})).instances, []);
  },
};

exports.run = async () => {
  let failed = 0;
  for (const [name, f] of Object.entries(tests)) {
    const start = Date.now();
    try {
      await f();
      console.log(`PASS ${name} # ${Date.now() - start} ms`);
    } catch (e) {
      failed++;
      console.log(`FAIL ${name}\n${e.stack}`);
    }
  }
  if (failed > 0) throw new Error(`${failed} failed`);
};
