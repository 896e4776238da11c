import ts from 'typescript';
import { parseFile } from './source-imports';

/** Arguments of the calls of functions or methods named `name`, in order; those that are no text as undefined. */
export function callsOf(files: readonly string[], name: string): (string | undefined)[][] {
  return nodesOf(files, ts.isCallExpression)
    .filter(({ expression }) => nameOf(ts.isPropertyAccessExpression(expression) ? expression.name : expression) === name)
    .map((call) => call.arguments.map(textOf));
}

/** Texts that a property named `name` is set to in object literals. */
export function assignedTexts(files: readonly string[], name: string): string[] {
  return nodesOf(files, ts.isPropertyAssignment)
    .filter((property) => nameOf(property.name) === name)
    .flatMap(({ initializer }) => textOf(initializer) ?? []);
}

/** Texts that member `member` of interface `name` may have. */
export function memberTexts(file: string, name: string, member: string): string[] {
  return nodesOf([file], ts.isInterfaceDeclaration)
    .filter((declaration) => declaration.name.text === name)
    .flatMap(({ members }) => members.filter((candidate) => candidate.name !== undefined && nameOf(candidate.name) === member))
    .flatMap(textsIn);
}

/** All texts in the value of constant `name`. */
export function constantTexts(file: string, name: string): string[] {
  return nodesOf([file], ts.isVariableDeclaration)
    .filter((declaration) => nameOf(declaration.name) === name)
    .flatMap(textsIn);
}

/** All texts in a file, names of properties among them. */
export function textsOf(file: string): string[] {
  return textsIn(parseFile(file));
}

function nodesOf<T extends ts.Node>(files: readonly string[], is: (node: ts.Node) => node is T): T[] {
  return files.flatMap((file) => descendants(parseFile(file)).filter(is));
}

function textsIn(node: ts.Node): string[] {
  return descendants(node).filter(ts.isStringLiteralLike).map(({ text }) => text);
}

function descendants(node: ts.Node): ts.Node[] {
  const children: ts.Node[] = [];
  ts.forEachChild(node, (child) => void children.push(child));
  return [node, ...children.flatMap(descendants)];
}

function nameOf(node: ts.Node): string | undefined {
  return ts.isIdentifier(node) ? node.text : undefined;
}

function textOf(node: ts.Expression): string | undefined {
  return ts.isStringLiteralLike(node) ? node.text : undefined;
}
