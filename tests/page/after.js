(() => {
  const says = (key, value) => {
    const line = document.createElement('p');
    line.textContent = 'probe ' + key + ' = ' + value;
    document.body.append(line);
  };
  const pixels = (canvas) => {
    const bytes = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
    let n = 0;
    for (let i = 3; i < bytes.length; i += 4) n += bytes[i] > 0 ? 1 : 0;
    return n;
  };
  const shown = () => [...document.querySelectorAll('#front tbody tr')].filter((tr) => !tr.hidden).length;
  const choose = (id, value) => {
    const select = document.getElementById(id);
    select.value = value;
    select.dispatchEvent(new Event('change'));
    return select.value;
  };
  const hover = (name, set, index) => {
    const chart = Chart.getChart(document.getElementById('c-' + name));
    chart.tooltip.setActiveElements([{ datasetIndex: set, index }], { x: 0, y: 0 });
    chart.update();
    return chart.tooltip.body.map((b) => b.lines.join('; ')).join('; ');
  };
  says('beside stars', document.getElementById('c-loo').parentElement.hidden + ' ' + document.getElementById('n-loo').textContent);
  says('table beside stars', document.querySelector('#loo table').classList.contains('none'));
  choose('f-task', 'toy');
  for (const canvas of document.querySelectorAll('canvas')) says('ink ' + canvas.id, pixels(canvas) > 500 ? 'yes' : 'no');
  says('table beside toy', document.querySelector('#loo table').classList.contains('none'));
  says('toy rows', shown());
  says('toy points', document.getElementById('c-front').dataset.points);
  choose('f-method', 'evolved');
  says('evolved rows', shown());
  says('evolved points', document.getElementById('c-front').dataset.points);
  says('hover', hover('front', 0, 1));
  says('hover anchor', hover('anchors', 0, 0));
  choose('f-attack', 'loss');
  says('loss rows', [...document.querySelectorAll('#roc tbody tr')].filter((tr) => !tr.hidden).length);
  says('loss curves', document.getElementById('c-roc').dataset.points);
  says('unlabelled', [...document.querySelectorAll('select')].filter((s) => s.labels.length === 0).length);
  says('requests', performance.getEntriesByType('resource').length);
  says('errors', window.probe.errors.length + ' ' + window.probe.errors.join(' | '));
  says('dark', matchMedia('(prefers-color-scheme: dark)').matches + ' ' + getComputedStyle(document.body).backgroundColor);
})();
