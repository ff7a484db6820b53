// Runs the expression network of npm's @vladmandic/face-api, on tfjs's WebAssembly, one thread.
//
// node face_api.cjs FOLDER_WITH_NODE_MODULES CROPS COUNT TIMED: CROPS holds COUNT grey crops of
// 96x96 bytes. Prints one JSON object: predictions, milliseconds per crop, peak RSS and size.

const fs = require('fs');
const path = require('path');
const { createRequire } = require('module');

const SIDE = 96;
const EMOTIONS = {
  neutral: 'neutral', happy: 'happy', sad: 'sad', angry: 'angry',
  fearful: 'fear', disgusted: 'disgust', surprised: 'surprise',
};

async function main() {
  const [folder, file, count, timed] = process.argv.slice(2);
  const load = createRequire(path.resolve(folder, 'package.json'));
  const tf = load('@tensorflow/tfjs');
  const wasm = load('@tensorflow/tfjs-backend-wasm');
  const modules = path.resolve(folder, 'node_modules');
  wasm.setWasmPaths(path.join(modules, '@tensorflow/tfjs-backend-wasm/wasm-out/'));
  wasm.setThreadsCount(1);
  await tf.setBackend('wasm');
  await tf.ready();
  const home = path.join(modules, '@vladmandic/face-api');
  const faceapi = load(path.join(home, 'dist/face-api.node-wasm.js'));
  await faceapi.nets.faceExpressionNet.loadFromDisk(path.join(home, 'model'));
  const bytes = fs.readFileSync(file);

  async function answer(index) {
    const grey = bytes.subarray(index * SIDE * SIDE, (index + 1) * SIDE * SIDE);
    const picture = tf.tidy(() => tf.tensor3d(Float32Array.from(grey), [SIDE, SIDE, 1]).tile([1, 1, 3]));
    const found = await faceapi.nets.faceExpressionNet.predictExpressions(picture);
    picture.dispose();
    return found;
  }

  const durations = [];
  for (let index = 0; index < Number(timed); index += 1) {
    const started = process.hrtime.bigint();
    await answer(index);
    durations.push(Number(process.hrtime.bigint() - started) / 1e6);
  }
  durations.sort((a, b) => a - b);
  const peakRss = Number(/VmHWM:\s+(\d+)/.exec(fs.readFileSync('/proc/self/status', 'utf8'))[1]) * 1024 / 1e6;
  const predictions = [];
  for (let index = 0; index < Number(count); index += 1) {
    const found = await answer(index);
    predictions.push(EMOTIONS[found.asSortedArray()[0].expression]);
  }
  console.log(JSON.stringify({
    predictions,
    ms: durations[Math.floor(durations.length / 2)],
    peak_rss_mb: peakRss,
    size_bytes: fs.statSync(path.join(home, 'model/face_expression_model.bin')).size,
  }));
}

main();
