import * as vscode from 'vscode';
import { plain } from '../plain';

/** Asks for a prompt, beginning with text: a line, or as many as wanted in an editor. "" is none; undefined is that the user went away. */
export async function writePrompt(title: string, agent: string, branch: string, text: string): Promise<string | undefined> {
  if (text.includes('\n')) return editPrompt(text);
  const input = vscode.window.createInputBox();
  const more: vscode.QuickInputButton = { iconPath: new vscode.ThemeIcon('edit'), tooltip: vscode.l10n.t('Write several lines in an editor (or end the line with \\)') };
  input.title = title;
  input.prompt = vscode.l10n.t('What is {0} to do on {1}? Enter starts it; empty starts it without a prompt', plain(agent), plain(branch));
  input.placeholder = vscode.l10n.t('Fix the login test');
  input.value = text;
  input.ignoreFocusOut = true;
  input.buttons = [more];
  const answer = await new Promise<{ text: string; editor: boolean } | undefined>(resolve => {
    input.onDidAccept(() => {
      const editor = input.value.endsWith('\\');
      resolve({ text: editor ? input.value.slice(0, -1) + '\n' : input.value, editor });
      input.hide();
    });
    input.onDidTriggerButton(() => { resolve({ text: input.value, editor: true }); input.hide(); });
    input.onDidHide(() => { resolve(undefined); input.dispose(); });
    input.show();
  });
  return answer?.editor === true ? editPrompt(answer.text) : answer?.text;
}

let waiting: { document: vscode.TextDocument; resolve: (text: string | undefined) => void; sent?: string } | undefined;

/** Opens an untitled document and waits for it to be sent or closed. */
async function editPrompt(text: string): Promise<string | undefined> {
  waiting?.resolve(undefined);
  const document = await vscode.workspace.openTextDocument({ language: 'markdown', content: text });
  const result = new Promise<string | undefined>(resolve => { waiting = { document, resolve }; });
  const editor = await vscode.window.showTextDocument(document);
  const end = document.lineAt(document.lineCount - 1).range.end;
  editor.selection = new vscode.Selection(end, end);
  const setContext = (on: boolean): Thenable<unknown> => vscode.commands.executeCommand('setContext', 'headjack.promptDocuments', on ? [document.uri.toString()] : []);
  await setContext(true);
  const closed = vscode.workspace.onDidCloseTextDocument(d => { // or has another language
    if (d === document && !vscode.workspace.textDocuments.includes(d)) waiting?.resolve(waiting.sent);
  });
  const lens = vscode.languages.registerCodeLensProvider({ scheme: 'untitled' }, {
    provideCodeLenses: d => d !== document ? [] : [new vscode.CodeLens(new vscode.Range(0, 0, 0, 0), {
      title: '$(play) ' + vscode.l10n.t('Run agent with this prompt (Ctrl+Enter, ⌘Enter)'), command: 'headjack.sendPrompt',
    })],
  });
  const answer = await result;
  waiting = undefined;
  closed.dispose();
  lens.dispose();
  await setContext(false);
  return answer;
}

/** Sends the prompt that is being written, and closes its editor. */
export async function sendPrompt(): Promise<void> {
  const w = waiting;
  if (!w) return;
  w.sent = w.document.getText().trim();
  await vscode.window.showTextDocument(w.document);
  await vscode.commands.executeCommand('workbench.action.revertAndCloseActiveEditor');
  w.resolve(w.sent); // after it closed: what its user does from now on is something else
}
