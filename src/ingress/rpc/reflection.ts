/**
 * grpc.reflection, v1 and v1alpha, from the generated descriptors, so that grpcurl and buf curl need no files.
 * Boundary: knows descriptors only. Both versions have the same messages, so v1alpha is v1 under another name.
 */
import {
  create,
  type DescFile,
  type DescMessage,
  type DescService,
  fromBinary,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { Code, type ServiceImpl } from "@connectrpc/connect";
import { file_events_v1_change } from "../../../gen/events/v1/change_pb.ts";
import { file_events_v1_cloudevent } from "../../../gen/events/v1/cloudevent_pb.ts";
import { file_google_rpc_error_details } from "../../../gen/google/rpc/error_details_pb.ts";
import { file_google_rpc_status } from "../../../gen/google/rpc/status_pb.ts";
import {
  type ServerReflection,
  type ServerReflectionRequest,
  ServerReflectionRequestSchema,
  type ServerReflectionResponse,
  ServerReflectionResponseSchema,
} from "../../../gen/grpc/reflection/v1/reflection_pb.ts";
import {
  ServerReflectionRequestSchema as AlphaRequestSchema,
  ServerReflectionResponseSchema as AlphaResponseSchema,
  type ServerReflection as ServerReflectionAlpha,
} from "../../../gen/grpc/reflection/v1alpha/reflection_pb.ts";
import { file_tap_v1_event } from "../../../gen/tap/v1/event_pb.ts";

/** Error details and status, the envelope and the data of events: they come as Any, in headers and on the bus. */
const UNIMPORTED: readonly DescFile[] = [
  file_google_rpc_error_details,
  file_google_rpc_status,
  file_events_v1_cloudevent,
  file_events_v1_change,
  file_tap_v1_event,
];

interface Catalogue {
  readonly services: readonly string[];
  readonly files: ReadonlyMap<string, DescFile>;
  readonly fileOfSymbol: ReadonlyMap<string, DescFile>;
  readonly messages: ReadonlySet<string>;
}

/** Both versions of the reflection service. */
export interface Reflection {
  readonly v1: ServiceImpl<typeof ServerReflection>;
  readonly v1alpha: ServiceImpl<typeof ServerReflectionAlpha>;
}

/** Reflection over these services and all they import, and what appears on the wire without being imported. */
export function createReflection(services: readonly DescService[]): Reflection {
  const catalogue = catalogueOf(services);
  return {
    v1: { serverReflectionInfo: (requests) => answerAll(catalogue, requests) },
    v1alpha: {
      async *serverReflectionInfo(requests) {
        const asV1 = renamed(requests, AlphaRequestSchema, ServerReflectionRequestSchema);
        const answers = answerAll(catalogue, asV1);
        yield* renamed(answers, ServerReflectionResponseSchema, AlphaResponseSchema);
      },
    },
  };
}

async function* renamed<From extends DescMessage, To extends DescMessage>(
  messages: AsyncIterable<MessageShape<From>>,
  from: From,
  to: To,
): AsyncGenerator<MessageShape<To>> {
  for await (const message of messages) yield fromBinary(to, toBinary(from, message));
}

async function* answerAll(
  catalogue: Catalogue,
  requests: AsyncIterable<ServerReflectionRequest>,
): AsyncGenerator<ServerReflectionResponse> {
  // A file's imports go along once a stream; clients keep what they were sent.
  const sent = new Set<string>();
  for await (const request of requests) {
    yield create(ServerReflectionResponseSchema, {
      validHost: request.host,
      originalRequest: request,
      messageResponse: answer(catalogue, request, sent),
    });
  }
}

function answer(
  catalogue: Catalogue,
  { messageRequest: asked }: ServerReflectionRequest,
  sent: Set<string>,
): ServerReflectionResponse["messageResponse"] {
  switch (asked.case) {
    case "listServices": {
      const service = catalogue.services.map((name) => serviceNamed(name));
      return { case: "listServicesResponse", value: listOf(service) };
    }
    case "fileByFilename":
      return fileAnswer(catalogue.files.get(asked.value), asked.value, sent);
    case "fileContainingSymbol":
      return fileAnswer(catalogue.fileOfSymbol.get(asked.value), asked.value, sent);
    case "fileContainingExtension":
      return problem(Code.NotFound, `no extension of ${asked.value.containingType} is known`);
    case "allExtensionNumbersOfType":
      return catalogue.messages.has(asked.value)
        ? { case: "allExtensionNumbersResponse", value: extensionsOf(asked.value) }
        : problem(Code.NotFound, `the message ${asked.value} is not known`);
    case undefined:
      return problem(Code.InvalidArgument, "the request asks for nothing");
  }
}

type Answer = ServerReflectionResponse["messageResponse"];

function serviceNamed(name: string) {
  return { $typeName: "grpc.reflection.v1.ServiceResponse" as const, name };
}

function listOf(service: ReturnType<typeof serviceNamed>[]) {
  return { $typeName: "grpc.reflection.v1.ListServiceResponse" as const, service };
}

function extensionsOf(baseTypeName: string) {
  return {
    $typeName: "grpc.reflection.v1.ExtensionNumberResponse" as const,
    baseTypeName,
    extensionNumber: [],
  };
}

function problem(errorCode: Code, errorMessage: string): Answer {
  const $typeName = "grpc.reflection.v1.ErrorResponse" as const;
  return { case: "errorResponse", value: { $typeName, errorCode, errorMessage } };
}

function fileAnswer(file: DescFile | undefined, asked: string, sent: Set<string>): Answer {
  if (file === undefined) return problem(Code.NotFound, `${asked} is not known`);
  const files = [...withImports(file)].filter((one) => one === file || !sent.has(one.proto.name));
  for (const one of files) sent.add(one.proto.name);
  const $typeName = "grpc.reflection.v1.FileDescriptorResponse" as const;
  const fileDescriptorProto = files.map((one) => toBinary(FileDescriptorProtoSchema, one.proto));
  return { case: "fileDescriptorResponse", value: { $typeName, fileDescriptorProto } };
}

function withImports(file: DescFile, found: Set<DescFile> = new Set()): Set<DescFile> {
  if (found.has(file)) return found;
  found.add(file);
  for (const dependency of file.dependencies) withImports(dependency, found);
  return found;
}

function catalogueOf(services: readonly DescService[]): Catalogue {
  const files = new Map<string, DescFile>();
  const fileOfSymbol = new Map<string, DescFile>();
  const messages = new Set<string>();
  const roots = [...services.map((service) => service.file), ...UNIMPORTED];
  for (const file of roots.flatMap((root) => [...withImports(root)])) {
    files.set(file.proto.name, file);
    for (const symbol of symbolsOf(file, messages)) fileOfSymbol.set(symbol, file);
  }
  return { services: services.map((service) => service.typeName), files, fileOfSymbol, messages };
}

/** Full names of all that a file declares; the names of its messages are added to `messages`. */
function symbolsOf(file: DescFile, messages: Set<string>): string[] {
  const symbols: string[] = [];
  const addEnums = (enums: DescFile["enums"]) => {
    for (const one of enums) {
      const scope = one.typeName.slice(0, one.typeName.lastIndexOf(".") + 1);
      symbols.push(one.typeName, ...one.values.map((value) => `${scope}${value.name}`));
    }
  };
  const addMessages = (all: readonly DescMessage[]) => {
    for (const one of all) {
      messages.add(one.typeName);
      const members = [...one.fields, ...one.oneofs].map(({ name }) => `${one.typeName}.${name}`);
      symbols.push(one.typeName, ...members);
      addEnums(one.nestedEnums);
      addMessages(one.nestedMessages);
    }
  };
  addEnums(file.enums);
  addMessages(file.messages);
  for (const { typeName, methods } of file.services) {
    symbols.push(typeName, ...methods.map(({ name }) => `${typeName}.${name}`));
  }
  return symbols;
}
