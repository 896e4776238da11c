import { existsSync, globSync, readFileSync, statSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join, relative } from 'node:path';
import ts from 'typescript';

/** Folder of the repository. */
export const ROOT = join(__dirname, '..', '..');

/** One import of a source or compiled file. */
export interface SourceImport {
  /** File that imports, from {@link ROOT}. */
  readonly from: string;
  /** As it is written: a package, or a relative path. */
  readonly specifier: string;
  /** It is gone after compilation. */
  readonly isType: boolean;
}

/** Files of the repository by glob patterns, from {@link ROOT}, sorted. */
export function filesOf(...patterns: string[]): string[] {
  return globSync(patterns, { cwd: ROOT }).sort();
}

/** The syntax tree of a file. Without `parent` of each node it takes half the time, which counts for a program of 5 MB. */
export function parseFile(file: string, withParents = true): ts.SourceFile {
  return ts.createSourceFile(file, readFileSync(join(ROOT, file), 'utf8'), ts.ScriptTarget.ES2023, withParents);
}

/** Everything that a file imports by a literal name, static or dynamic, except Node's own modules. */
export function importsOf(file: string): SourceImport[] {
  const found: SourceImport[] = [];
  const visit = (node: ts.Node): void => {
    const hit = specifierOf(node);
    if (hit !== undefined && ts.isStringLiteralLike(hit.specifier) && !isBuiltin(hit.specifier.text)) {
      found.push({ from: file, specifier: hit.specifier.text, isType: hit.isType });
    }
    ts.forEachChild(node, visit);
  };
  visit(parseFile(file, false));
  return found;
}

/** Packages that a compiled file reaches at run time, through all files of the repository that it loads. */
export function packagesReachedFrom(file: string): string[] {
  const packages = new Set<string>();
  const seen = new Set<string>();
  const waiting = [file];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (seen.has(next)) continue;
    seen.add(next);
    for (const { from, specifier } of importsOf(next)) {
      if (specifier.startsWith('.')) waiting.push(resolveFile(from, specifier));
      else packages.add(packageOf(specifier));
    }
  }
  return [...packages].sort();
}

/** Name of the package that a specifier names: `hono` of `hono/streaming`. */
export function packageOf(specifier: string): string {
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
}

/** Path from {@link ROOT} that a relative specifier names, without an extension that was left out. */
export function pathOf({ from, specifier }: Pick<SourceImport, 'from' | 'specifier'>): string {
  return relative(ROOT, join(ROOT, dirname(from), specifier));
}

function resolveFile(from: string, specifier: string): string {
  const path = pathOf({ from, specifier });
  const file = [path, `${path}.js`, join(path, 'index.js')].find((candidate) => existsSync(join(ROOT, candidate)) && statSync(join(ROOT, candidate)).isFile());
  if (file === undefined) throw new Error(`${from}: expected a file for '${specifier}', got none; run 'npm run compile'`);
  return file;
}

function specifierOf(node: ts.Node): { specifier: ts.Expression; isType: boolean } | undefined {
  if (ts.isImportDeclaration(node)) return { specifier: node.moduleSpecifier, isType: isTypeImport(node.importClause) };
  if (ts.isExportDeclaration(node) && node.moduleSpecifier !== undefined) return { specifier: node.moduleSpecifier, isType: node.isTypeOnly };
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) return { specifier: node.argument.literal as ts.Expression, isType: true };
  const [specifier] = ts.isCallExpression(node) ? node.arguments : [];
  const callee = ts.isCallExpression(node) ? node.expression : undefined;
  const isLoad = callee?.kind === ts.SyntaxKind.ImportKeyword || (callee !== undefined && ts.isIdentifier(callee) && callee.text === 'require');
  return isLoad && specifier !== undefined ? { specifier, isType: false } : undefined;
}

function isTypeImport(clause: ts.ImportClause | undefined): boolean {
  if (clause === undefined) return false;
  if (clause.phaseModifier === ts.SyntaxKind.TypeKeyword) return true;
  const { namedBindings } = clause;
  const isNamed = clause.name === undefined && namedBindings !== undefined && ts.isNamedImports(namedBindings);
  return isNamed && namedBindings.elements.every(({ isTypeOnly }) => isTypeOnly);
}
