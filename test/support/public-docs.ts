import { join } from 'node:path';
import ts from 'typescript';
import { ROOT } from './source-imports';

/** What is written about one exported symbol, or one public member of it. */
export interface PublicDoc {
  /** `SandboxPoolProps.bufferMin`. */
  readonly name: string;
  readonly kind: ts.SyntaxKind;
  /** Text of the comment without its tags; empty when there is none. */
  readonly text: string;
  readonly isOptional: boolean;
  readonly isReadonly: boolean;
  /** Text of `@default`; empty when there is none. */
  readonly defaultText: string;
}

/** Everything that a package entry exports, with its members: of interfaces, enums, and classes as far as they are public. */
export function publicDocs(entry: string): PublicDoc[] {
  const path = join(ROOT, entry);
  const program = ts.createProgram([path], { module: ts.ModuleKind.Node20, moduleResolution: ts.ModuleResolutionKind.Node16, skipLibCheck: true });
  const checker = program.getTypeChecker();
  const source = program.getSourceFile(path);
  const entrySymbol = source === undefined ? undefined : checker.getSymbolAtLocation(source);
  if (entrySymbol === undefined) throw new Error(`${entry}: expected a module, got none`);
  return checker.getExportsOfModule(entrySymbol).flatMap((exported) => {
    const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported;
    const declarations = symbol.declarations ?? [];
    return declarations.flatMap((declaration) => [
      docOf(exported.name, symbol, declaration, checker),
      ...publicMembers(declaration).flatMap((member) => {
        const memberSymbol = member.name === undefined ? undefined : checker.getSymbolAtLocation(member.name);
        return memberSymbol === undefined ? [] : [docOf(`${exported.name}.${memberSymbol.name}`, memberSymbol, member, checker)];
      }),
    ]);
  });
}

function docOf(name: string, symbol: ts.Symbol, declaration: ts.Declaration, checker: ts.TypeChecker): PublicDoc {
  const tag = symbol.getJsDocTags(checker).find((candidate) => candidate.name === 'default');
  return {
    name,
    kind: declaration.kind,
    text: ts.displayPartsToString(symbol.getDocumentationComment(checker)),
    isOptional: (symbol.flags & ts.SymbolFlags.Optional) !== 0,
    isReadonly: (ts.getCombinedModifierFlags(declaration) & ts.ModifierFlags.Readonly) !== 0,
    defaultText: ts.displayPartsToString(tag?.text),
  };
}

function publicMembers(declaration: ts.Declaration): readonly ts.NamedDeclaration[] {
  if (ts.isInterfaceDeclaration(declaration) || ts.isEnumDeclaration(declaration)) return [...declaration.members];
  return ts.isClassDeclaration(declaration) ? declaration.members.filter(isPublic) : [];
}

function isPublic(member: ts.ClassElement): boolean {
  const hidden = ts.ModifierFlags.Private | ts.ModifierFlags.Protected;
  const isInternal = ts.getJSDocTags(member).some(({ tagName }) => tagName.text === 'internal');
  return !isInternal && (ts.getCombinedModifierFlags(member) & hidden) === 0 && !ts.isConstructorDeclaration(member);
}
