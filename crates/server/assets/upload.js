// Sends the file of a form straight to storage. Where that fails, the form does what it does without this file.
//
// The form says where to begin (data-uploads) and where to go when the file has arrived (data-next).

/** A refusal that says what to do. */
class Refused extends Error {}

async function post(path, body) {
  const response = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  if (response.status === 422) {
    throw new Refused((await response.json()).message);
  }
  if (!response.ok || response.redirected) {
    throw new Error(`${path} answered ${response.status}`);
  }
  return response;
}

async function upload(file, uploads) {
  const started = await post(uploads, { name: file.name, content_type: file.type });
  const { id, url, headers } = await started.json();
  const stored = await fetch(url, { method: "PUT", headers, body: file });
  if (!stored.ok) {
    throw new Error(`storage answered ${stored.status}`);
  }
  await post(`${uploads}/${id}/finish`, {});
}

function enhance(form) {
  const field = form.querySelector("input[type=file]");
  const status = form.querySelector("[role=status]");
  const button = form.querySelector("button");

  form.addEventListener("submit", async (event) => {
    const file = field.files[0];
    if (!file) {
      return;
    }
    event.preventDefault();
    button.disabled = true;
    status.textContent = "Uploading…";
    try {
      await upload(file, form.dataset.uploads);
      location.assign(form.dataset.next);
    } catch (error) {
      button.disabled = false;
      status.textContent = "";
      if (error instanceof Refused) {
        status.textContent = error.message;
        field.setAttribute("aria-invalid", "true");
        field.focus();
      } else {
        form.submit();
      }
    }
  });
}

document.querySelectorAll("form[data-uploads]").forEach(enhance);
