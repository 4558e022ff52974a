import * as vscode from 'vscode';
import type { Context } from '../context';
import type { Node } from '../tree';
import type { Choices, RunArgs } from '../protocol';
import { label, plain } from '../plain';
import { branchProblem, stateWord } from '../present';
import { choose, pickInstance, pickRepo } from './pick';
import { writePrompt } from './prompt';

/** Prompts that have not reached an agent, by repository and branch: the next run begins with them. */
const unsent = new Map<string, string>();

/** Runs an agent: asks for what the node or the caller leaves open. */
export async function run(c: Context, node?: Node): Promise<void> {
  const title = vscode.l10n.t('Run Agent');
  const workspace = await pickRepo(c, title, node);
  if (workspace === undefined) return;
  const choices = await c.server.exec('hjk-ls.choices', { workspace });
  const target = node && node.kind !== 'repo' ? { branch: node.instance.branch } : await pickBranch(c, choices, title);
  if (!target) return;
  const agent = await pickAgent(choices, title, target.branch);
  if (agent === undefined) return;
  if (agent === 'shell') {
    await start(c, { workspace, ...target, agent, attach: true });
    return;
  }
  const key = [choices.repo, target.branch].join('\n');
  const prompt = await writePrompt(title, agent, target.branch, unsent.get(key) ?? '');
  if (prompt === undefined) return;
  unsent.set(key, prompt);
  await start(c, { workspace, ...target, agent, ...(prompt === '' ? {} : { prompt }), attach: true });
  unsent.delete(key);
}

export async function start(c: Context, args: RunArgs): Promise<void> {
  await c.server.exec('hjk-ls.run', args);
  c.state.markSeen(args.workspace, args.branch);
}

/** Another shell beside what runs. */
export async function newShell(c: Context, node?: Node): Promise<void> {
  const i = await pickInstance(c, vscode.l10n.t('New Shell'), node);
  if (!i) return;
  const names = new Set(i.sessions.map(s => s.name));
  let session = 'shell';
  for (let n = 2; names.has(session); n++) session = `shell-${n}`;
  await start(c, { workspace: i.repo, branch: i.branch, agent: 'shell', session, attach: true });
}

type Target = { branch: string; from?: string };
type BranchItem = vscode.QuickPickItem & { target?: Target; create?: string };

async function pickBranch(c: Context, choices: Choices, title: string): Promise<Target | undefined> {
  const item = await branchPick(c, choices, title);
  if (item?.target) return item.target;
  if (item?.create === undefined) return undefined;
  const branch = newBranchProblem(choices, item.create) === undefined ? item.create : await vscode.window.showInputBox({
    title, value: item.create, prompt: vscode.l10n.t('Name of the new branch'), placeHolder: 'fix/login', ignoreFocusOut: true,
    validateInput: name => name === '' ? undefined : newBranchProblem(choices, name),
  });
  if (branch === undefined || branch === '') return undefined;
  const from = await pickStart(choices, title, branch);
  return from === undefined ? undefined : { branch, ...(from === '' ? {} : { from }) };
}

function newBranchProblem(choices: Choices, name: string): string | undefined {
  const problem = branchProblem(name);
  if (problem !== undefined) return problem;
  if (choices.branches.some(b => b.name === name && b.remote === undefined)) return vscode.l10n.t('There is a branch of this name already.');
  const clash = choices.branches.find(b => b.remote === undefined && (b.name.startsWith(name + '/') || name.startsWith(b.name + '/')));
  return clash ? vscode.l10n.t('This cannot be beside the branch {0}.', clash.name) : undefined;
}

/** A pick of branches, in which a name that is none yet offers to create it. */
function branchPick(c: Context, choices: Choices, title: string): Promise<BranchItem | undefined> {
  const create: BranchItem = { label: '$(add) ' + vscode.l10n.t('Create new branch…'), alwaysShow: true, create: '' };
  const pick = vscode.window.createQuickPick<BranchItem>();
  pick.title = title;
  pick.placeholder = vscode.l10n.t('On which branch? Each has a container of its own');
  pick.matchOnDescription = true;
  pick.ignoreFocusOut = true; // a terminal that ends meanwhile takes the focus
  const items = [create, ...branchItems(c, choices)];
  pick.items = items;
  pick.onDidChangeValue(value => {
    const name = value.trim();
    const offer = name !== '' && newBranchProblem(choices, name) === undefined;
    pick.items = offer ? [...items.slice(1), { label: '$(add) ' + vscode.l10n.t('Create branch {0}', label(name)), alwaysShow: true, create: name }] : [{ ...create, create: name }, ...items.slice(1)];
  });
  return new Promise(resolve => {
    pick.onDidAccept(() => { resolve(pick.selectedItems[0]); pick.hide(); });
    pick.onDidHide(() => { resolve(undefined); pick.dispose(); });
    pick.show();
  });
}

function branchItems(c: Context, choices: Choices): BranchItem[] {
  const separator = (name: string): BranchItem => ({ label: name, kind: vscode.QuickPickItemKind.Separator });
  const item = (b: Choices['branches'][number]): BranchItem => {
    const instance = b.remote === undefined ? c.state.find(choices.repo, b.name) : undefined;
    const words = [b.remote, b.current === true ? vscode.l10n.t('checked out here') : undefined, instance && stateWord(instance)].filter(w => w !== undefined);
    return {
      label: `$(${instance ? 'vm' : b.remote === undefined ? 'git-branch' : 'cloud'}) ${label(b.name)}`, description: label(words.join(' · ')),
      target: b.remote === undefined ? { branch: b.name } : { branch: b.name, from: `${b.remote}/${b.name}` },
    };
  };
  const local = choices.branches.filter(b => b.remote === undefined);
  const remote = choices.branches.filter(b => b.remote !== undefined);
  return [
    separator(vscode.l10n.t('branches')), ...local.map(item),
    ...(remote.length > 0 ? [separator(vscode.l10n.t('branches of remotes')), ...remote.map(item)] : []),
  ];
}

/** Where a new branch begins: "" is what is checked out. */
async function pickStart(choices: Choices, title: string, branch: string): Promise<string | undefined> {
  const current = choices.branches.find(b => b.current);
  const others = choices.branches.filter(b => b !== current);
  if (others.length === 0) return '';
  return choose([
    { label: '$(git-commit) HEAD', description: label(current?.name ?? vscode.l10n.t('what is checked out')), value: '' },
    ...others.map(b => {
      const name = b.remote === undefined ? b.name : `${b.remote}/${b.name}`;
      return { label: `$(git-branch) ${label(name)}`, description: '', value: name };
    }),
  ], title, vscode.l10n.t('Where does {0} begin?', plain(branch)));
}

async function pickAgent(choices: Choices, title: string, branch: string): Promise<string | undefined> {
  const sorted = [...choices.agents].sort((a, b) => Number(b.default ?? false) - Number(a.default ?? false));
  return choose(sorted.map(a => ({
    label: `$(${a.name === 'shell' ? 'terminal' : 'robot'}) ${label(a.name)}`, description: a.default === true ? vscode.l10n.t('default') : '', value: a.name,
  })), title, vscode.l10n.t('Which agent on {0}?', plain(branch)));
}
