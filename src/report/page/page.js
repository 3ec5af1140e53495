'use strict';
(() => {
  const data = JSON.parse(document.getElementById('data').textContent);
  const hues = ['#1f77b4', '#d95f02', '#1b9e77', '#c2185b', '#7570b3', '#8c6d1f', '#00838f', '#7f7f7f'];
  const shapes = ['circle', 'rect', 'triangle', 'rectRot', 'cross', 'star', 'crossRot', 'dash'];
  const all = '(all)';
  const el = (id) => document.getElementById(id);
  const unique = (list) => [...new Set(list)];
  const methods = unique(data.front.map((f) => f.method));
  const colour = (method) => hues[methods.indexOf(method) % hues.length];
  const shape = (method) => shapes[methods.indexOf(method) % shapes.length];
  const num = (x, digits) => (x === null || x === undefined ? '-' : x.toFixed(digits));
  const three = (v, lo, hi, digits) =>
    num(v, digits) + (lo === null || hi === null ? '' : ' [' + num(lo, digits) + ', ' + num(hi, digits) + ']');
  const rowName = (f) => f.method + (f.lambda === null ? '' : ' λ=' + f.lambda);
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  /* Error bars: points carry xlo, xhi, ylo, yhi. */
  const bars = {
    id: 'bars',
    afterDatasetsDraw(chart) {
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
    },
  };

  const axis = (title, more) => ({
    title: { display: true, text: title, color: css('--ink') },
    ticks: { color: css('--soft') },
    grid: { color: css('--line') },
    ...more,
  });
  const charts = {};
  function draw(name, config) {
    if (charts[name] !== undefined) charts[name].destroy();
    const still = { animation: false, responsive: true, maintainAspectRatio: false };
    const legend = { labels: { color: css('--ink'), usePointStyle: true } };
    config.options = { ...still, ...config.options };
    config.options.plugins = { legend, ...(config.options.plugins || {}) };
    config.plugins = [bars];
    charts[name] = new Chart(el('c-' + name), config);
    el('c-' + name).dataset.points = String(config.data.datasets.reduce((n, d) => n + d.data.length, 0));
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

  function drawFront(c) {
    const auc = new Map(data.attacks.filter((a) => a.attack === c.attack).map((a) => [a.g, a]));
    const rows = data.front.filter((f) => fits(f, c) && f.utility !== null && auc.has(f.g));
    const sets = unique(rows.map((f) => f.method)).map((method) => ({
      label: method,
      borderColor: colour(method),
      pointStyle: shape(method),
      radius: 6,
      hoverRadius: 8,
      pointBackgroundColor: rows.filter((f) => f.method === method).map((f) => (f.graded ? colour(method) : 'transparent')),
      data: rows.filter((f) => f.method === method).map((f) => {
        const a = auc.get(f.g);
        return { x: f.utility, y: a.auc, xlo: f.utility_lo, xhi: f.utility_hi, ylo: a.auc_lo, yhi: a.auc_hi, f, a };
      }),
    }));
    if (c.attack === data.attack) sets.push(...surfaces(c));
    const metric = rows.length > 0 ? rows[0].utility_metric : '';
    const ends = rows.flatMap((f) => [f.utility_lo, f.utility_hi, f.utility]).filter((x) => x !== null);
    const room = ends.length > 0 ? { suggestedMin: Math.min(...ends), suggestedMax: Math.max(...ends) } : {};
    draw('front', {
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
    const lines = sets.length - unique(rows.map((f) => f.method)).length;
    el('n-front').textContent = rows.length + ' rows of task ' + c.task + ', attack ' + c.attack + '.' +
      (lines > 0 ? ' Lines: what all seeds attain, and, broken, what half of them do.' : '');
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
    const hue = f === null ? '#7f7f7f' : colour(f.method);
    draw('anchors', {
      type: 'bar',
      data: {
        labels: list.map((a) => a.anchor),
        datasets: [{
          label: f === null ? 'none' : rowName(f),
          backgroundColor: hue + '88',
          borderColor: hue,
          borderWidth: 1,
          bar: css('--ink'),
          parsing: { xAxisKey: 'x', yAxisKey: 'y' },
          data: list.map((a) => ({ x: a.anchor, y: a.auc, ylo: a.auc_lo, yhi: a.auc_hi, a })),
        }],
      },
      options: {
        scales: { x: axis('anchor', { type: 'category' }), y: axis('AUC of ' + c.attack, { min: 0, max: 1 }) },
        plugins: label((p) => [
          p.a.anchor,
          'AUC ' + three(p.y, p.ylo, p.yhi, 3),
          p.a.weight_abs === null ? 'no weight' : '|w| ' + num(p.a.weight_abs, 3),
        ]),
      },
    });
    el('n-anchors').textContent = f === null ? 'Nothing to show.' :
      list.length + ' anchors in ' + rowName(f) + ', the row chosen that leaks most.';
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
        pointStyle: shape(f.method),
        data: q.tpr.map((t, i) => ({ x: fpr(i), y: Math.max(t, 1e-3), t, f })),
      };
    });
    sets.push({
      label: 'chance', borderColor: css('--soft'), borderDash: [4, 4], borderWidth: 1, pointRadius: 0,
      data: [{ x: 1e-3, y: 1e-3, t: 1e-3, f: null }, { x: 1, y: 1, t: 1, f: null }],
    });
    const log = { type: 'logarithmic', min: 1e-3, max: 1 };
    draw('roc', {
      type: 'line',
      data: { datasets: sets },
      options: {
        scales: { x: axis('false-positive rate', log), y: axis('true-positive rate', log) },
        plugins: label((p) => (p.f === null ? 'chance' : rowName(p.f) + ': TPR ' + num(p.t, 3) + ' at FPR ' + num(p.x, 4))),
      },
    });
    el('n-roc').textContent = curves.length + ' curves of attack ' + c.attack + '. A rate of 0 is drawn at 0.001.';
  }

  function drawDose(c) {
    const list = data.anchors.filter((a) => a.attack === c.attack && a.weight_abs !== null && fits(data.front[a.g], c));
    const sets = unique(list.map((a) => data.front[a.g].method)).map((method) => ({
      label: method,
      borderColor: colour(method),
      backgroundColor: colour(method) + '88',
      pointStyle: shape(method),
      radius: 4,
      data: list.filter((a) => data.front[a.g].method === method)
        .map((a) => ({ x: a.weight_abs, y: a.auc, f: data.front[a.g], a })),
    }));
    draw('dose', {
      type: 'scatter',
      data: { datasets: sets },
      options: {
        scales: { x: axis('size of the merge weight |w|', { suggestedMin: 0 }), y: axis('AUC of ' + c.attack, { suggestedMin: 0.4, suggestedMax: 1 }) },
        plugins: label((p) => [rowName(p.f) + ', ' + p.a.anchor, '|w| ' + num(p.x, 3) + ', AUC ' + num(p.y, 3)]),
      },
    });
    el('n-dose').textContent = list.length + ' anchors with weights.';
  }

  /* The row that leaks most among those that something stands beside. */
  function drawLoo(c) {
    if (el('c-loo') === null) return;
    const rows = data.loo.filter((a) => a.attack === c.attack && fits(data.front[a.g], c));
    const best = rows.reduce((top, a) => (top === null || (a.auc_loo !== null) > (top.auc_loo !== null) ||
      ((a.auc_loo !== null) === (top.auc_loo !== null) && a.auc_merge > top.auc_merge) ? a : top), null);
    const list = best === null ? [] : rows.filter((a) => a.g === best.g);
    const part = (text, key, hue) => ({
      label: text, backgroundColor: hue + '88', borderColor: hue, borderWidth: 1,
      data: list.map((a) => ({ x: a.anchor, y: a[key] })),
    });
    draw('loo', {
      type: 'bar',
      data: {
        labels: list.map((a) => a.anchor),
        datasets: [part('alone', 'auc_alone', hues[3]), part('in the merge', 'auc_merge', hues[0]), part('left out', 'auc_loo', hues[7])],
      },
      options: {
        scales: { x: axis('anchor', { type: 'category' }), y: axis('AUC of ' + c.attack, { min: 0, max: 1 }) },
        plugins: label((p) => [p.x, 'AUC ' + num(p.y, 3)]),
      },
    });
    el('n-loo').textContent = best === null ? 'Nothing to show.' : list.length + ' anchors in ' + rowName(data.front[best.g]) + '.';
  }

  function filterTables(c) {
    let shown = 0;
    let rows = 0;
    for (const tr of document.querySelectorAll('tbody tr')) {
      const d = tr.dataset;
      if (d.task === undefined && d.method === undefined && d.attack === undefined) continue;
      const ok = (d.task === undefined || d.task === c.task) &&
        (c.method === all || d.method === undefined || d.method === c.method) &&
        (d.attack === undefined || d.attack === c.attack);
      tr.hidden = !ok;
      rows += 1;
      shown += ok ? 1 : 0;
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
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', update);
  addEventListener('beforeprint', () => Object.values(charts).forEach((chart) => chart.resize()));
  update();
})();
