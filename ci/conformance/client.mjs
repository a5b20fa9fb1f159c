// A host on the TypeScript SDK: connects, calls everything the server offers,
// and closes. Prints one line of JSON for each check.
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js'

const { server, environment, calls, names } = JSON.parse(process.argv[2])

async function check(name, body) {
  let error
  try {
    await body()
  } catch (e) {
    error = e.message || String(e)
  }
  console.log(JSON.stringify({ name, error }))
}

function assert(truth, message) {
  if (!truth) throw new Error(message)
}

const env = Object.fromEntries(environment.map((e) => [e.slice(0, e.indexOf('=')), e.slice(e.indexOf('=') + 1)]))
const transport = new StdioClientTransport({ command: server, env })
const client = new Client({ name: 'memlatch-ci', version: '1' })
await check('connect', () => client.connect(transport))
const { pid } = transport
const offers = client.getServerCapabilities()

await check('ping', () => client.ping())
await check('server version and instructions', () => {
  assert(client.getServerVersion().version, 'no version')
  assert(client.getInstructions(), 'no instructions')
})
await check('tools/list', async () => {
  // The client validates structured content with the schemas that it has seen.
  const { tools } = await client.listTools()
  for (const { tool } of calls) assert(tools.some(({ name }) => name === tool), `no ${tool}`)
  for (const t of tools) {
    assert(t.title || t.annotations?.title, `${t.name} has no title`)
    assert(t.outputSchema, `${t.name} has no output schema`)
    for (const hint of ['readOnlyHint', 'destructiveHint', 'idempotentHint', 'openWorldHint'])
      assert(typeof t.annotations?.[hint] === 'boolean', `${t.name} has no ${hint}`)
  }
})
for (const [i, { tool, arguments: args, refused }] of calls.entries()) {
  await check(names[i], async () => {
    const result = await client.callTool({ name: tool, arguments: args })
    const text = result.content?.map((c) => c.text).join(' ')
    if (refused) return assert(result.isError && text, 'accepted')
    assert(!result.isError, text)
    assert(result.structuredContent, 'no structured content')
    assert(text, 'no text for hosts that know no structured content')
  })
}
if (offers.resources) {
  await check('resources/list, resources/templates/list, resources/read', async () => {
    const add = calls.find(({ tool, refused }) => tool === 'mem_add' && !refused)
    if (add) await client.callTool({ name: add.tool, arguments: add.arguments })
    const { resources } = await client.listResources()
    const { resourceTemplates } = await client.listResourceTemplates()
    assert(resources.length + resourceTemplates.length > 0, 'neither resources nor templates')
    for (const { uri } of resources) {
      const { contents } = await client.readResource({ uri })
      assert(contents.length > 0, `${uri} has no contents`)
    }
  })
  await check('resources/read refuses an unknown resource', async () => {
    const contents = await client.readResource({ uri: 'memory://999999999' }).catch(() => undefined)
    assert(contents === undefined, 'accepted')
  })
}
if (offers.completions) {
  await check('completion/complete', async () => {
    const { resourceTemplates } = await client.listResourceTemplates()
    for (const { uriTemplate } of resourceTemplates)
      for (const [, name] of uriTemplate.matchAll(/\{[+#./;?&]?(\w+)\}/g))
        await client.complete({ ref: { type: 'ref/resource', uri: uriTemplate }, argument: { name, value: '' } })
  })
}
if (offers.prompts) {
  await check('prompts/list', () => client.listPrompts())
}
if (offers.logging) {
  await check('logging/setLevel', async () => {
    for (const level of ['debug', 'info', 'notice', 'warning', 'error', 'critical', 'alert', 'emergency'])
      await client.setLoggingLevel(level)
  })
}
await check('close: the server ends by itself', async () => {
  const started = Date.now()
  await client.close()
  // The transport sends SIGTERM to a server that stays for two seconds.
  assert(Date.now() - started < 1900, 'the server did not end with its input')
  let alive = true
  try {
    process.kill(pid, 0)
  } catch {
    alive = false
  }
  assert(!alive, `process ${pid} lives on`)
})
