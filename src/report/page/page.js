'use strict';
(() => {
  const data = JSON.parse(document.getElementById('data').textContent);
  const onLight = ['#1f77b4', '#d95f02', '#1b9e77', '#c2185b', '#7570b3', '#8c6d1f', '#00838f', '#7f7f7f', '#6d4c41'];
  const onDark = ['#6baed6', '#fd8d3c', '#4dc9a0', '#f48fb1', '#b3aee6', '#d4b04a', '#26c6da', '#bdbdbd', '#c9a08e'];
  const night = matchMedia('(prefers-color-scheme: dark)');
  const hue = (i) => (night.matches ? onDark : onLight)[i % onLight.length];
  /* Filled all, so that hollow ones can be told; seven beside nine hues: no two of 63 methods look the same. */
  const shapes = [['circle', 0], ['rect', 0], ['triangle', 0], ['rectRot', 0], ['triangle', 180], ['triangle', 90], ['triangle', 270]];
  const all = '(all)';
  const el = (id) => document.getElementById(id);
  const unique = (list) => [...new Set(list)];
  const methods = unique(data.front.map((f) => f.method));
  const colour = (method) => hue(methods.indexOf(method));
  const shape = (method) => shapes[methods.indexOf(method) % shapes.length];
  const dashes = [[], [8, 4], [2, 3], [8, 3, 2, 3]];
  const dash = (f) => {
    const lambdas = unique(data.front.filter((x) => x.task === f.task && x.method === f.method).map((x) => x.lambda));
    const round = Math.floor(methods.indexOf(f.method) / onLight.length); /* of hues */
    return dashes[(lambdas.indexOf(f.lambda) + round) % dashes.length];
  };
  const num = (x, digits) => (x === null || x === undefined ? '-' : x.toFixed(digits));
  const three = (v, lo, hi, digits) =>
    num(v, digits) + (lo === null || hi === null ? '' : ' [' + num(lo, digits) + ', ' + num(hi, digits) + ']');
  const rowName = (f) => f.method + (f.lambda === null ? '' : ' λ=' + f.lambda);
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  /* Error bars: points carry xlo, xhi, ylo, yhi. Under points, over bars. */
  function drawBars(chart) {
    const { ctx, scales } = chart;
    chart.data.datasets.forEach((set, k) => {
      if (!chart.isDatasetVisible(k)) return;
      ctx.save();
      ctx.strokeStyle = set.bar || set.borderColor;
      ctx.lineWidth = 1;
      set.data.forEach((p, i) => {
        if (p === null || typeof p !== 'object') return;
        const at = chart.getDatasetMeta(k).data[i];
        if (at === undefined) return;
        ctx.beginPath();
        if (typeof p.xlo === 'number' && typeof p.xhi === 'number') {
          ctx.moveTo(scales.x.getPixelForValue(p.xlo), at.y);
          ctx.lineTo(scales.x.getPixelForValue(p.xhi), at.y);
        }
        if (typeof p.ylo === 'number' && typeof p.yhi === 'number') {
          ctx.moveTo(at.x, scales.y.getPixelForValue(p.ylo));
          ctx.lineTo(at.x, scales.y.getPixelForValue(p.yhi));
        }
        ctx.stroke();
      });
      ctx.restore();
    });
  }
  /* Text that can be read over lines. */
  function write(ctx, text, x, y, ink) {
    ctx.save();
    ctx.font = '12px system-ui, sans-serif';
    ctx.lineJoin = 'round';
    ctx.lineWidth = 4;
    ctx.strokeStyle = css('--paper');
    ctx.strokeText(text, x, y);
    ctx.fillStyle = ink;
    ctx.fillText(text, x, y);
    ctx.restore();
  }
  /* Where an AUC says that there is no leak. */
  function drawHalf({ ctx, scales, chartArea }) {
    if (scales.y.type !== 'linear') return;
    const y = scales.y.getPixelForValue(0.5);
    if (y < chartArea.top || y > chartArea.bottom) return;
    ctx.save();
    ctx.strokeStyle = css('--ink');
    ctx.setLineDash([3, 3]);
    ctx.beginPath();
    ctx.moveTo(chartArea.left, y);
    ctx.lineTo(chartArea.right, y);
    ctx.stroke();
    ctx.restore();
  }
  /* What points carry as their mark. */
  function drawMarks(chart) {
    chart.data.datasets.forEach((set, k) => {
      if (!chart.isDatasetVisible(k)) return;
      set.data.forEach((p, i) => {
        const at = chart.getDatasetMeta(k).data[i];
        if (p === null || !p.mark || at === undefined) return;
        write(chart.ctx, p.mark, at.x + 8, at.y - 8, set.borderColor);
      });
    });
  }
  const extras = {
    id: 'extras',
    beforeDatasetsDraw(chart) {
      if (chart.config.type === 'bar') return;
      drawHalf(chart);
      drawBars(chart);
      drawMarks(chart);
    },
    afterDatasetsDraw(chart) {
      if (chart.config.type !== 'bar') return;
      drawHalf(chart);
      drawBars(chart);
    },
  };

  const axis = (title, more) => ({
    title: { display: true, text: title, color: css('--ink') },
    grid: { color: css('--line') },
    ...more,
    ticks: { color: css('--soft'), ...((more || {}).ticks || {}) },
  });
  const names = { type: 'category', grid: { display: false } };
  const charts = {};
  /* A chart of n things and what is said below it; without any of them the sentence alone. */
  function draw(name, n, note, config) {
    const canvas = el('c-' + name);
    if (canvas === null) return;
    if (charts[name] !== undefined) charts[name].destroy();
    delete charts[name];
    canvas.parentElement.hidden = n === 0;
    el('n-' + name).textContent = note;
    canvas.dataset.points = String(config.data.datasets.reduce((sum, d) => sum + d.data.length, 0));
    if (n === 0) return;
    const still = { animation: false, responsive: true, maintainAspectRatio: false };
    const legend = { labels: { color: css('--ink'), usePointStyle: true, boxHeight: 8, filter: (item, all) => !all.datasets[item.datasetIndex].unnamed } };
    if (config.type === 'line') {
      const plain = Chart.defaults.plugins.legend.labels.generateLabels;
      legend.labels.pointStyleWidth = 32;
      legend.labels.generateLabels = (chart) =>
        plain(chart).map((item) => ({ ...item, lineDash: chart.data.datasets[item.datasetIndex].borderDash }));
    }
    config.options = { ...still, ...config.options };
    config.options.plugins = { legend, ...(config.options.plugins || {}) };
    config.plugins = [extras];
    charts[name] = new Chart(canvas, config);
  }
  const label = (text) => ({ tooltip: { callbacks: { label: (item) => text(item.raw) } } });

  const chosen = () => ({ task: el('f-task').value, method: el('f-method').value, attack: el('f-attack').value });
  const fits = (f, c) => f.task === c.task && (c.method === all || f.method === c.method);

  /* Stairs through the corners of what a share of the seeds attains: from the most useful corner down. */
  function surfaces(c) {
    const corners = data.eaf.filter((s) => s.task === c.task && (c.method === all || s.method === c.method));
    const name = (s) => s.method + ', ' + Math.round(100 * s.share) + '% of seeds';
    return unique(corners.map(name)).map((text) => {
      const list = corners.filter((s) => name(s) === text);
      const data = [];
      list.forEach((s, i) => {
        if (i > 0) data.push({ x: s.utility, y: list[i - 1].leakage, s });
        data.push({ x: s.utility, y: s.leakage, s });
      });
      return {
        label: text,
        unnamed: true,
        type: 'line',
        data,
        borderColor: colour(list[0].method),
        borderDash: list[0].share < 1 ? [6, 4] : [],
        borderWidth: 1.5,
        pointRadius: 0,
        pointHitRadius: 5,
        pointStyle: 'line',
      };
    });
  }

  const mostMarks = 30;
  function drawFront(c) {
    const auc = new Map(data.attacks.filter((a) => a.attack === c.attack).map((a) => [a.g, a]));
    const rows = data.front.filter((f) => fits(f, c) && f.utility !== null && auc.has(f.g));
    const sets = unique(rows.map((f) => f.method)).map((method) => ({
      label: method,
      borderColor: colour(method),
      pointStyle: shape(method)[0],
      rotation: shape(method)[1],
      radius: 6,
      hoverRadius: 8,
      bar: colour(method) + '99',
      pointBackgroundColor: rows.filter((f) => f.method === method).map((f) => (f.graded ? colour(method) : 'transparent')),
      data: rows.filter((f) => f.method === method).map((f) => {
        const a = auc.get(f.g);
        const mark = f.lambda === null || rows.length > mostMarks ? '' : 'λ=' + f.lambda;
        return { x: f.utility, y: a.auc, xlo: f.utility_lo, xhi: f.utility_hi, ylo: a.auc_lo, yhi: a.auc_hi, mark, f, a };
      }),
    }));
    if (c.attack === data.attack) sets.push(...surfaces(c));
    const metric = rows.length > 0 ? rows[0].utility_metric : '';
    const ends = rows.flatMap((f) => [f.utility_lo, f.utility_hi, f.utility]).filter((x) => x !== null);
    const room = ends.length > 0 ? { suggestedMin: Math.min(...ends), suggestedMax: Math.max(...ends) } : {};
    const lines = sets.filter((set) => set.unnamed && set.data.length > 1).length;
    const note = rows.length === 0 ? 'Nothing to draw: no row of task ' + c.task + ' has both a utility and the attack ' + c.attack + '.' :
      rows.length + ' rows of task ' + c.task + ', attack ' + c.attack + '; at 0.5 (broken line) there is no leak.' +
      (lines > 0 ? ' Stairs: what all seeds attain, and, broken, what half of them do.' : '');
    draw('front', rows.length, note, {
      type: 'scatter',
      data: { datasets: sets },
      options: {
        scales: { x: axis('utility: ' + metric, { grace: '5%', ...room }), y: axis('leakage: AUC of ' + c.attack, { suggestedMin: 0.4, suggestedMax: 1 }) },
        plugins: label((p) => p.s !== undefined ? [p.s.method + ': attained by ' + p.s.n_attain + ' of ' + p.s.n_seeds + ' seeds', metric + ' ' + num(p.x, 3), 'AUC ' + num(p.y, 3)] : [
          rowName(p.f),
          metric + ' ' + three(p.x, p.xlo, p.xhi, 3),
          'AUC ' + three(p.y, p.ylo, p.yhi, 3),
          p.f.graded ? (p.f.on_front ? 'on the front' : 'dominated or without utility') : 'cannot be graded',
        ]),
      },
    });
  }

  /* The row that leaks most among those chosen. */
  function leakiest(c) {
    const rows = data.attacks.filter((a) => a.attack === c.attack && fits(data.front[a.g], c) && a.auc !== null);
    const merges = rows.filter((a) => data.anchors.some((x) => x.g === a.g && x.weight_abs !== null));
    const from = merges.length > 0 ? merges : rows;
    return from.reduce((best, a) => (best === null || a.auc > best.auc ? a : best), null);
  }

  function drawAnchors(c) {
    const row = leakiest(c);
    const list = row === null ? [] : data.anchors.filter((a) => a.g === row.g && a.attack === c.attack);
    list.sort((a, b) => b.auc - a.auc);
    const f = row === null ? null : data.front[row.g];
    const hue = f === null ? '' : colour(f.method);
    const note = list.length === 0 ? 'Nothing to draw: no anchor was attacked with ' + c.attack + ' in what is chosen.' :
      list.length + ' anchors in ' + rowName(f) + ', the row chosen that leaks most; at 0.5 (broken line) there is no leak.';
    draw('anchors', list.length, note, {
      type: 'bar',
      data: {
        labels: list.map((a) => a.anchor),
        datasets: [{
          label: f === null ? 'none' : rowName(f),
          backgroundColor: hue + '88',
          borderColor: hue,
          borderWidth: 1,
          pointStyle: 'rect',
          bar: css('--ink'),
          parsing: { xAxisKey: 'x', yAxisKey: 'y' },
          data: list.map((a) => ({ x: a.anchor, y: a.auc, ylo: a.auc_lo, yhi: a.auc_hi, a })),
        }],
      },
      options: {
        scales: { x: axis('anchor', names), y: axis('AUC of ' + c.attack, { min: 0, max: 1 }) },
        plugins: label((p) => [
          p.a.anchor,
          'AUC ' + three(p.y, p.ylo, p.yhi, 3),
          p.a.weight_abs === null ? 'no weight' : '|w| ' + num(p.a.weight_abs, 3),
        ]),
      },
    });
  }

  function drawRoc(c) {
    const curves = data.roc.filter((q) => q.attack === c.attack && fits(data.front[q.g], c));
    const fpr = (i) => Math.pow(10, -3 + i / 10);
    const sets = curves.map((q) => {
      const f = data.front[q.g];
      return {
        label: rowName(f),
        borderColor: colour(f.method),
        borderWidth: 2,
        stepped: 'before',
        pointRadius: 0,
        pointHitRadius: 6,
        pointStyle: 'line',
        borderDash: dash(f),
        data: q.tpr.map((t, i) => ({ x: fpr(i), y: Math.max(t, 1e-3), t, f })),
      };
    });
    sets.push({
      label: 'chance', borderColor: css('--soft'), borderDash: [1, 3], borderWidth: 2, pointRadius: 0, pointStyle: 'line',
      data: [{ x: 1e-3, y: 1e-3, t: 1e-3, f: null }, { x: 1, y: 1, t: 1, f: null }],
    });
    const decade = (x) => (Math.abs(Math.log10(x) - Math.round(Math.log10(x))) < 1e-9 ? String(+x.toPrecision(1)) : '');
    const log = { type: 'logarithmic', min: 1e-3, max: 1, ticks: { callback: decade, autoSkip: false, maxRotation: 0 } };
    const note = curves.length === 0 ? 'Nothing to draw: there is no attack ' + c.attack + ' in what is chosen.' :
      curves.length + ' curves of attack ' + c.attack + '. A rate of 0 is drawn at 0.001.';
    draw('roc', curves.length, note, {
      type: 'line',
      data: { datasets: sets },
      options: {
        scales: { x: axis('false-positive rate', log), y: axis('true-positive rate', log) },
        plugins: label((p) => (p.f === null ? 'chance' : rowName(p.f) + ': TPR ' + num(p.t, 3) + ' at FPR ' + num(p.x, 4))),
      },
    });
  }

  function drawDose(c) {
    const list = data.anchors.filter((a) => a.attack === c.attack && a.weight_abs !== null && fits(data.front[a.g], c));
    const sets = unique(list.map((a) => data.front[a.g].method)).map((method) => ({
      label: method,
      borderColor: colour(method),
      backgroundColor: colour(method) + '88',
      pointStyle: shape(method)[0],
      rotation: shape(method)[1],
      radius: 4,
      data: list.filter((a) => data.front[a.g].method === method)
        .map((a) => ({ x: a.weight_abs, y: a.auc, f: data.front[a.g], a })),
    }));
    const note = list.length === 0 ? 'Nothing to draw: no anchor with a merge weight was attacked with ' + c.attack + ' in what is chosen.' :
      list.length + ' points, each an anchor under a method at one λ, at the mean size of its weights; at 0.5 (broken line) there is no leak.';
    draw('dose', list.length, note, {
      type: 'scatter',
      data: { datasets: sets },
      options: {
        scales: { x: axis('size of the merge weight |w|', { suggestedMin: 0 }), y: axis('AUC of ' + c.attack, { suggestedMin: 0.4, suggestedMax: 1 }) },
        plugins: label((p) => [rowName(p.f) + ', ' + p.a.anchor, '|w| ' + num(p.x, 3) + ', AUC ' + num(p.y, 3)]),
      },
    });
  }

  /* The row that leaks most among those that something stands beside. */
  function drawLoo(c) {
    const rows = data.loo.filter((a) => a.attack === c.attack && fits(data.front[a.g], c));
    const best = rows.reduce((top, a) => (top === null || (a.auc_loo !== null) > (top.auc_loo !== null) ||
      ((a.auc_loo !== null) === (top.auc_loo !== null) && a.auc_merge > top.auc_merge) ? a : top), null);
    const list = best === null ? [] : rows.filter((a) => a.g === best.g);
    const part = (text, key, hue) => ({
      label: text, backgroundColor: hue + '88', borderColor: hue, borderWidth: 1, pointStyle: 'rect',
      data: list.map((a) => ({ x: a.anchor, y: a[key] })),
    });
    const note = best === null ? 'Nothing to draw: no anchor was attacked with ' + c.attack + ' beside what is chosen.' :
      list.length + ' anchors in ' + rowName(data.front[best.g]) + '; at 0.5 (broken line) there is no leak.';
    draw('loo', list.length, note, {
      type: 'bar',
      data: {
        labels: list.map((a) => a.anchor),
        datasets: [part('alone', 'auc_alone', hue(3)), part('in the merge', 'auc_merge', hue(0)), part('left out', 'auc_loo', hue(7))],
      },
      options: {
        scales: { x: axis('anchor', names), y: axis('AUC of ' + c.attack, { min: 0, max: 1 }) },
        plugins: label((p) => [p.x, 'AUC ' + num(p.y, 3)]),
      },
    });
  }

  /* Rows of the tables that filters look at, with what their columns say. */
  const tables = [...document.querySelectorAll('main table')].filter((t) => t.tHead !== null).map((table) => {
    const keys = [...table.tHead.rows[0].cells].map((th) => th.dataset.filter);
    const rows = [...table.tBodies[0].rows].map((tr) => {
      const row = { tr };
      keys.forEach((key, i) => { if (key !== undefined) row[key] = tr.cells[i].textContent; });
      return row;
    });
    return { table, rows: keys.some((key) => key !== undefined) ? rows : [] };
  });
  function filterTables(c) {
    const open = (said, wanted) => !said || said === wanted || wanted === all;
    let shown = 0;
    let rows = 0;
    for (const t of tables) {
      let here = 0;
      for (const row of t.rows) {
        const ok = open(row.task, c.task) && open(row.method, c.method) && open(row.attack, c.attack);
        row.tr.hidden = !ok;
        here += ok ? 1 : 0;
      }
      t.table.classList.toggle('none', t.rows.length > 0 && here === 0);
      rows += t.rows.length;
      shown += here;
    }
    el('f-count').textContent = shown + ' of ' + rows + ' table rows shown';
  }

  function update() {
    const c = chosen();
    drawFront(c);
    drawAnchors(c);
    drawRoc(c);
    drawDose(c);
    drawLoo(c);
    filterTables(c);
  }

  function fill(id, words, first) {
    for (const word of words) {
      const option = document.createElement('option');
      option.value = word;
      option.textContent = word;
      el(id).append(option);
    }
    if (words.includes(first)) el(id).value = first;
    el(id).addEventListener('change', update);
  }
  fill('f-task', unique(data.front.map((f) => f.task)));
  fill('f-method', [all, ...methods], all);
  fill('f-attack', unique(data.attacks.map((a) => a.attack)), data.attack);
  el('filters').addEventListener('submit', (event) => event.preventDefault());
  night.addEventListener('change', update);
  addEventListener('beforeprint', () => Object.values(charts).forEach((chart) => chart.resize()));
  update();
})();
