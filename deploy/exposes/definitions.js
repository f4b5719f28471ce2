// Writes what every definition of zigbee-herdsman-converters exposes, one JSON
// object a line, as Zigbee2MQTT would publish it in bridge/devices.
const fs = require("node:fs");
const path = require("node:path");
const { prepareDefinition } = require("zigbee-herdsman-converters");

const home = path.dirname(require.resolve("zigbee-herdsman-converters/package.json"));
const devices = path.join(home, "dist", "devices");
const unknown = { isDummyDevice: true, endpoints: [], getEndpoint: () => undefined };

for (const file of fs.readdirSync(devices).sort()) {
  if (!file.endsWith(".js") || file === "index.js") continue;
  for (const written of require(path.join(devices, file)).definitions ?? []) {
    const { model, vendor, description, exposes } = prepareDefinition(written);
    const list = typeof exposes === "function" ? exposes(unknown, {}) : exposes;
    process.stdout.write(JSON.stringify({ model, vendor, description, exposes: list }) + "\n");
  }
}
