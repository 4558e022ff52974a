import * as vscode from 'vscode';
import { CodeLensRequest, InlayHintRequest, type LanguageClient, type Middleware } from 'vscode-languageclient/node';
import { label } from './plain';
import { setting } from './settings';

const on = (feature: string): boolean => setting(`${feature}.enabled`, true);

/** Lenses whose titles make no icons of names in them. */
function plainLenses(lenses: vscode.CodeLens[] | null | undefined): vscode.CodeLens[] {
  for (const l of lenses ?? []) if (l.command) l.command.title = label(l.command.title);
  return lenses ?? [];
}

/** The classes of language features, each with a switch: beside other Dockerfile extensions not all are wanted. */
export class Features {
  private readonly told = new Map<string, { uri: vscode.Uri; diagnostics: vscode.Diagnostic[] }>(); // the server tells them once

  readonly middleware: Middleware = {
    // What lenses and quick fixes do needs trust.
    provideCodeLenses: async (doc, token, next) => on('codeLens') && vscode.workspace.isTrusted ? plainLenses(await next(doc, token)) : [],
    provideInlayHints: (doc, range, token, next) => on('inlayHints') ? next(doc, range, token) : [],
    provideHover: (doc, position, token, next) => on('hover') ? next(doc, position, token) : undefined,
    provideCodeActions: (doc, range, context, token, next) => on('codeActions') && vscode.workspace.isTrusted ? next(doc, range, context, token) : [],
    handleDiagnostics: (uri, diagnostics, next) => {
      if (diagnostics.length > 0) this.told.set(uri.toString(), { uri, diagnostics });
      else this.told.delete(uri.toString());
      next(uri, on('diagnostics') ? diagnostics : []);
    },
  };

  /** Has everything shown again as the switches are now; a new start of the server would end what it does. */
  refresh(client: LanguageClient): void {
    for (const { uri, diagnostics } of this.told.values()) client.diagnostics?.set(uri, on('diagnostics') ? diagnostics : []);
    for (const document of vscode.workspace.textDocuments.filter(d => d.languageId === 'dockerfile')) {
      client.getFeature(CodeLensRequest.method).getProvider(document)?.onDidChangeCodeLensEmitter.fire();
      client.getFeature(InlayHintRequest.method).getProvider(document)?.onDidChangeInlayHints.fire();
    }
  }

  /** Forgets what a server told that is gone. */
  clear(): void { this.told.clear(); }
}
