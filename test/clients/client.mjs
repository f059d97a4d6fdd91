// node's HTTP clients of a node; see 253_clients.t for what the lines mean.
//
// usage: node client.mjs URL PEER
import fs from 'node:fs'
import http from 'node:http'

const [url, peer] = process.argv.slice(2)
const {write_message: write, read_message: read} = process.env
const tries = Number(process.env.tries ?? 5)
const [tooLarge, large] = [process.env.too_large, process.env.large].map(file => fs.readFileSync(file))
const refused = {
    413: [tooLarge, {}],
    415: [large, {'Content-Encoding': 'br'}],
    406: [large, {'Accept-Encoding': 'identity;q=0, *;q=0'}],
}
const agent = new http.Agent({keepAlive: true, maxSockets: 1})
const ports = []

async function fetching(path, body, headers = {}) {
    const answer = await fetch(url + path, {method: body ? 'POST' : 'GET', body, headers, signal: AbortSignal.timeout(60000)})
    return {status: answer.status, applied: answer.headers.get('preference-applied'), body: await answer.text()}
}

// sent: what was sent, where the server is asked first
function requesting(path, body, headers = {}, expects = false) {
    return new Promise((resolve, reject) => {
        let sent = false
        const request = http.request(url + path, {agent, method: body ? 'POST' : 'GET', timeout: 60000,
            headers: {...headers, ...(body ? {'Content-Length': Buffer.byteLength(body)} : {}), ...(expects ? {Expect: '100-continue'} : {})}})
        request.on('socket', socket => socket.connecting
            ? socket.once('connect', () => ports.push(socket.localPort)) : ports.push(socket.localPort))
        request.on('continue', () => { sent = true; request.end(body) })
        request.on('timeout', () => request.destroy(new Error('timeout')))
        request.on('error', reject)
        request.on('response', async answer => {
            answer.setEncoding('utf8')
            let text = ''
            for await (const part of answer) text += part
            if (expects && !sent) request.destroy()
            resolve({status: answer.statusCode, applied: answer.headers['preference-applied'], body: text, sent})
        })
        if (expects) request.flushHeaders()
        else request.end(body)
    })
}

async function attempt(what) {
    try {
        return await what()
    } catch (error) {
        return `${error.name}: ${error.message} ${error.cause ?? ''}`.replaceAll('\n', ' ')
    }
}

async function play(name, ask, more) {
    const line = async (step, what) => console.log([name, step, await attempt(what)].join('\t'))

    await line('write', async () => {
        const answer = await ask('/', write)
        return answer.body.includes('returnCode="200"') ? answer.status : answer.body
    })
    await line('read', async () => (await ask('/', read)).body.match(/>42</)[0])
    await line('get', async () => (await ask('/Objects/Clients/x/value')).body)
    for (const [status, [body, headers]] of Object.entries(refused)) {
        await line(status, async () => {
            const got = []
            for (let i = 0; i < tries; i++) got.push(await attempt(async () => (await ask('/', body, headers)).status))
            return got.join(' ')
        })
    }
    await line('again', async () => (await ask('/', read)).status)
    await more(line)
    await line('held', async () => {
        const answer = await ask(`/peer/${peer}_${name}`, read, {Prefer: 'wait=20'})
        return `${answer.status} ${answer.applied} ${answer.body.match(/Fridge7/)?.[0] ?? 'nothing'}`
    })
}

await play('fetch', fetching, async () => {})
await play('http.request', requesting, async line => {
    await line('expect', async () => {
        const answer = await requesting('/', tooLarge, {}, true)
        return `${answer.status} ${answer.sent ? 'sent' : 'unsent'}`
    })
    await line('reuse', async () => {
        await requesting('/', read)
        ports.length = 0
        for (let i = 0; i < 5; i++) await requesting('/', read)
        return new Set(ports).size === 1 ? '10000' : `${new Set(ports).size} connections`
    })
})
agent.destroy()
