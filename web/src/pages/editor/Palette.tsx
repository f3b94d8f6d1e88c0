import { useState } from 'react';
import { useText } from '@/i18n/i18n';
import { addTask, freeName, type DocumentModel } from './document';
import { newTaskFields, useTaskTypes } from './taskTypes';

/** The type of what is dragged from the palette. */
export const DRAGGED = 'application/x-porpoise-task-type';

interface PaletteProps {
  source: string;
  model: DocumentModel;
  onAdd: (source: string) => void;
}

/** The task types: drag one onto the canvas, or press it. */
export function Palette({ source, model, onAdd }: PaletteProps) {
  const text = useText();
  const types = useTaskTypes();
  const [find, setFind] = useState('');
  return (
    <section className="card palette" aria-label={text.editor.palette}>
      <input className="native" type="search" data-testid="palette-search" aria-label={text.editor.findType} placeholder={text.editor.findType} value={find} onChange={(event) => setFind(event.target.value)} />
      <ul>
        {types
          .filter((type) => type.name.includes(find.toLowerCase()) || type.schema.description?.toLowerCase().includes(find.toLowerCase()))
          .map((type) => (
            <li key={type.name}>
              <button
                className="plain"
                draggable
                data-testid={`palette-${type.name}`}
                title={type.schema.description}
                onDragStart={(event) => {
                  event.dataTransfer.setData(DRAGGED, type.name);
                  event.dataTransfer.effectAllowed = 'copy';
                }}
                onClick={() => onAdd(addTask(source, freeName(model, type.name), newTaskFields(type)))}
              >
                {type.name}
              </button>
            </li>
          ))}
      </ul>
    </section>
  );
}
