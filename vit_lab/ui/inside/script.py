"""What draws maps in a browser: JavaScript, kept apart for its length."""

MAPS = """
const VIRIDIS = [[68,1,84],[72,40,120],[62,74,137],[49,104,142],[38,130,142],[31,158,137],[53,183,121],[109,205,89],
                 [180,222,44],[253,231,37]]
const DIVERGING = [[33,102,172],[67,147,195],[146,197,222],[209,229,240],[247,247,247],[253,219,199],[244,165,130],
                   [214,96,77],[178,24,43]]
const COVER = 0.5  // how much white the ink of the picture lays over a map

function colour(share, name) {
  if (name === "picture") return [0, 0, 0]
  const stops = name === "diverging" ? DIVERGING : VIRIDIS
  const at = Math.min(1, Math.max(0, share)) * (stops.length - 1), below = Math.min(Math.floor(at), stops.length - 2)
  return stops[below].map((part, i) => part + (at - below) * (stops[below + 1][i] - part))
}

function shareOf(value, s) {
  if (!Number.isFinite(value)) return NaN
  if (s.logarithmic) return (Math.log(Math.max(value, 1e-9)) - Math.log(s.low)) / (Math.log(s.high) - Math.log(s.low))
  if (s.low < 0) return 0.5 + 0.5 * Math.sign(value) * Math.pow(Math.min(1, Math.abs(value) / s.high), s.power)
  return Math.pow(Math.min(1, Math.max(0, (value - s.low) / (s.high - s.low))), s.power)
}

function bytes(text) { return Uint8Array.from(atob(text), letter => letter.charCodeAt(0)) }

function spoken(value, s) {
  if (!Number.isFinite(value)) return "no number"
  return s.logarithmic ? value.toFixed(2) + " times an even share" : (100 * value).toFixed(1) + " %"
}

function paint(canvas, values, height, width, ink, side, scale) {
  const across = side || width, down = side || height, context = canvas.getContext("2d")
  const picture = context.createImageData(across, down), cover = scale.colours === "picture" ? 1 : COVER
  for (let y = 0; y < down; y++) for (let x = 0; x < across; x++) {
    const value = values[Math.floor(y * height / down) * width + Math.floor(x * width / across)]
    const share = shareOf(value, scale), base = Number.isNaN(share) ? [128, 128, 128] : colour(share, scale.colours)
    const level = ink ? ink[y * side + x] / 255 : 0, over = scale.colours === "diverging" ? 0 : 255
    picture.data.set([...base.map(part => part + cover * level * (over - part)), 255], 4 * (y * across + x))
  }
  context.putImageData(picture, 0, 0)
}

function build(root, data) {
  root.replaceChildren()
  root.style.gridTemplateColumns = `repeat(${data.panels.length}, minmax(0, 1fr))`
  return data.panels.map((panel, p) => {
    const [rows, columns, height, width] = panel.shape, box = document.createElement("div")
    const head = document.createElement("div"), cells = document.createElement("div")
    head.className = "head"
    cells.className = "cells"
    const named = panel.rowNames.length > 0
    const size = data.most ? `minmax(0, ${data.most}px)` : "minmax(0, 1fr)"
    cells.style.gridTemplateColumns = `${named ? "auto " : ""}repeat(${columns}, ${size})`
    const label = words => {
      const one = document.createElement("div")
      one.className = "label"
      one.textContent = words
      cells.append(one)
    }
    if (panel.columnNames.length) {
      if (named) label("")
      panel.columnNames.forEach(label)
    }
    const drawn = []
    for (let r = 0; r < rows; r++) {
      if (named) label(panel.rowNames[r])
      for (let c = 0; c < columns; c++) {
        const cell = document.createElement(data.asks === "cell" ? "button" : "div")
        const canvas = document.createElement("canvas")
        if (data.asks === "cell") cell.type = "button"
        cell.className = "cell" + (data.asks === "part" ? " parts" : "")
        canvas.width = panel.side || width
        canvas.height = panel.side || height
        canvas.setAttribute("role", "img")
        cell.append(canvas)
        cells.append(cell)
        drawn.push({ cell, canvas, r, c, marks: [] })
      }
    }
    box.append(head, cells)
    root.append(box)
    return { head, drawn }
  })
}

const figures = new WeakMap()

export default function (component) {
  const { data, parentElement, setTriggerValue } = component
  const root = parentElement.querySelector(".panels"), told = parentElement.querySelector(".told")
  const shapes = data.panels.map(panel => [panel.shape, panel.side, panel.rowNames, panel.columnNames])
  const laid = JSON.stringify([data.most, data.asks, shapes])
  let figure = figures.get(parentElement)
  if (!figure || figure.laid !== laid) {
    figure = { laid, panels: build(root, data) }
    figures.set(parentElement, figure)
  }
  const scale = data.scale
  data.panels.forEach((panel, p) => {
    const { head, drawn } = figure.panels[p], [rows, columns, height, width] = panel.shape
    const chip = document.createElement("b")
    chip.textContent = panel.letter
    chip.style.background = panel.colour
    head.replaceChildren(...(panel.letter ? [chip, panel.words] : [panel.words]))
    const values = new Float32Array(bytes(panel.values).buffer), ink = panel.side ? bytes(panel.ink) : null
    const pixels = panel.side * panel.side, many = ink ? ink.length / pixels : 0
    drawn.forEach(one => {
      const size = height * width, first = (one.r * columns + one.c) * size, own = values.subarray(first, first + size)
      const over = ink && ink.subarray((one.c % many) * pixels, (one.c % many + 1) * pixels)
      paint(one.canvas, own, height, width, over, panel.side, scale)
      const place = [panel.rowNames[one.r], panel.columnNames[one.c]].filter(Boolean).join(", ")
      const said = [data.alt, panel.letter && "arm " + panel.letter, place].filter(Boolean).join(": ")
      one.canvas.setAttribute("aria-label", said)
      one.cell.classList.toggle("open", !!data.opened && data.opened[0] === one.r && data.opened[1] === one.c)
      one.marks.forEach(mark => mark.remove())
      one.marks = panel.frames.map(part => {
        const mark = document.createElement("i")
        mark.style.cssText = `left:${100 * (part % width) / width}%;top:${100 * Math.floor(part / width) / height}%;` +
          `width:${100 / width}%;height:${100 / height}%`
        one.cell.append(mark)
        return mark
      })
      const part = event => {
        const box = one.canvas.getBoundingClientRect()
        const x = Math.min(width - 1, Math.max(0, Math.floor((event.clientX - box.left) / box.width * width)))
        const y = Math.min(height - 1, Math.max(0, Math.floor((event.clientY - box.top) / box.height * height)))
        return y * width + x
      }
      one.canvas.onpointermove = event => {
        const at = part(event), where = `row ${Math.floor(at / width) + 1}, column ${at % width + 1}`
        told.textContent = [panel.letter, place, where + ": " + spoken(own[at], scale)].filter(Boolean).join(" · ")
      }
      one.canvas.onpointerleave = () => { told.textContent = "" }
      one.cell.onclick = data.asks ? event => {
        const at = event.detail ? part(event) : 0
        setTriggerValue("clicked", [one.r, one.c, at, Date.now()])
      } : null
    })
  })
  const legend = parentElement.querySelector(".legend"), bar = legend.querySelector("canvas").getContext("2d")
  legend.style.display = scale.name ? "" : "none"
  told.style.display = scale.name ? "" : "none"
  legend.querySelector(".name").textContent = scale.name
  legend.querySelector(".ticks").textContent = scale.ticks
  const strip = bar.createImageData(256, 1)
  for (let x = 0; x < 256; x++) strip.data.set([...colour(x / 255, scale.colours), 255], 4 * x)
  bar.putImageData(strip, 0, 0)
}
"""
