// Reads and writes with llama.cpp, through the npm package node-llama-cpp, at the command of benchmarks/llama_cpp.py.
// One JSON object per line: requests on stdin, replies on stdout. Times are seconds, sizes bytes.
import {createInterface} from "node:readline";
import {join} from "node:path";
import {pathToFileURL} from "node:url";
import {readFileSync} from "node:fs";

const [packageFolder, modelPath, options] = [process.argv[2], process.argv[3], JSON.parse(process.argv[4])];
const {getLlama, LlamaLogLevel} = await import(pathToFileURL(join(packageFolder, "dist", "index.js")));

const llama = await getLlama({
    gpu: false, build: "never", maxThreads: options.threads, logLevel: LlamaLogLevel.error, progressLogs: false
});
const model = await llama.loadModel({modelPath, gpuLayers: 0});
const context = await model.createContext({
    contextSize: options.context, batchSize: options.batch, threads: options.threads,
    flashAttention: options.flashAttention
});
// A full context loses its older half, as in llama.cpp's own programs; this package would drop 100 tokens at a time,
// which is far slower.
const sequence = context.getSequence({contextShift: {size: Math.floor(context.contextSize / 2)}});

const seconds = async (work) => {
    const began = performance.now();
    await work();
    return (performance.now() - began) / 1000;
};

// What is written continues `tokens` greedily; afterwards it is taken back. (A context shift on the way is not.)
const write = async (tokens, count) => {
    const before = sequence.nextTokenIndex;
    const began = performance.now();
    let first = 0, written = 0;
    for await (const _ of sequence.evaluate(tokens, {temperature: 0, yieldEogToken: true})) {
        if (written++ === 0) first = performance.now();
        if (written === count) break;
    }
    const ended = performance.now();
    const end = sequence.nextTokenIndex;
    const start = Math.max(0, Math.min(before, end - tokens.length - written + 1)); // the last one was not read
    if (start < end)
        await sequence.eraseContextTokenRanges([{start, end}]);
    return {first_token: (first - began) / 1000, following: (ended - first) / 1000, tokens: written};
};

const act = {
    clear: async () => ({seconds: await seconds(() => sequence.clearHistory())}),
    read: async ({tokens}) => ({
        seconds: await seconds(() => sequence.evaluateWithoutGeneratingNewTokens(tokens)),
        length: sequence.nextTokenIndex
    }),
    write: ({tokens, count}) => write(tokens, count)
};

const reply = (value) => process.stdout.write(JSON.stringify(value) + "\n");
const version = JSON.parse(readFileSync(join(packageFolder, "package.json"), "utf8")).version;
reply({
    node_llama_cpp: version, llama_cpp: llama.llamaCppRelease?.release ?? null, threads: context.currentThreads,
    context: context.contextSize, batch: context.batchSize, flash_attention: context.flashAttention,
    system: llama.systemInfo.trim()
});
for await (const line of createInterface({input: process.stdin})) {
    const request = JSON.parse(line);
    try {
        reply(await act[request.do](request));
    } catch (error) {
        reply({error: String(error?.message ?? error)});
    }
}
await llama.dispose();
